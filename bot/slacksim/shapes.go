package slacksim

import (
	"maps"
	"strings"
	"sync"
)

var (
	blockID  = fresh("block_id", func(c *checker) map[string]bool { return c.blockIDs })
	actionID = fresh("action_id", func(c *checker) map[string]bool { return c.actionIDs })
)

// messageBlocks are the blocks that messages may have, with the limits of the Block Kit reference.
var messageBlocks = sync.OnceValue(func() map[string]shape {
	shapes := commonBlocks()
	shapes["markdown"] = shape{required: []string{"text"}, fields: map[string]rule{"block_id": blockID, "text": text(12000)}}
	shapes["table"] = shape{required: []string{"rows"}, fields: map[string]rule{
		"block_id": blockID, "rows": table, "column_settings": items(0, 20, anything),
	}}
	return shapes
})

// modalBlocks are the blocks that modals may have.
var modalBlocks = sync.OnceValue(func() map[string]shape {
	shapes := commonBlocks()
	shapes["input"] = shape{required: []string{"label", "element"}, fields: map[string]rule{
		"block_id": blockID, "label": plain(2000), "hint": plain(2000), "optional": boolean, "dispatch_action": boolean,
		"element": one(inputShapes()),
	}}
	return shapes
})

// commonBlocks are the blocks of every surface.
func commonBlocks() map[string]shape {
	elements := elementShapes()
	image := imageFields()
	image["title"], image["block_id"] = plain(2000), blockID
	inContext := textShapes(2000)
	inContext["image"] = elements["image"]
	interactive := maps.Clone(elements)
	delete(interactive, "image")
	return map[string]shape{
		"section": {oneOf: []string{"text", "fields"}, fields: map[string]rule{
			"block_id": blockID, "text": either(3000), "fields": items(1, 10, either(2000)),
			"accessory": one(elements), "expand": boolean,
		}},
		"header":  {required: []string{"text"}, fields: map[string]rule{"block_id": blockID, "text": plain(150)}},
		"divider": {fields: map[string]rule{"block_id": blockID}},
		"context": {required: []string{"elements"}, fields: map[string]rule{
			"block_id": blockID, "elements": items(1, 10, one(inContext)),
		}},
		"actions": {required: []string{"elements"}, fields: map[string]rule{
			"block_id": blockID, "elements": items(1, 25, one(interactive)),
		}},
		"image": {required: []string{"alt_text"}, oneOf: []string{"image_url", "slack_file"}, fields: image},
		"rich_text": {required: []string{"elements"}, fields: map[string]rule{
			"block_id": blockID, "elements": items(1, 100, richText),
		}},
	}
}

func imageFields() map[string]rule {
	return map[string]rule{"image_url": characters(3000), "slack_file": anything, "alt_text": text(2000)}
}

// textShapes are the two text objects with at most n characters.
func textShapes(n int) map[string]shape {
	return map[string]shape{
		"mrkdwn":     {required: []string{"text"}, fields: map[string]rule{"text": text(n), "verbatim": boolean}},
		"plain_text": {required: []string{"text"}, fields: map[string]rule{"text": text(n), "emoji": boolean}},
	}
}

func either(n int) rule { return one(textShapes(n)) }

func plain(n int) rule {
	shapes := textShapes(n)
	delete(shapes, "mrkdwn")
	return one(shapes)
}

func confirm() rule {
	return untyped(shape{required: []string{"title", "text", "confirm", "deny"}, fields: map[string]rule{
		"title": plain(100), "text": either(300), "confirm": plain(30), "deny": plain(30), "style": words("primary", "danger"),
	}})
}

func webAddress(c *checker, at string, v any) {
	characters(3000)(c, at, v)
	if s, _ := v.(string); !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		c.fault(at, "must be a valid http or https URL")
	}
}

// richText checks the containers of rich text and counts their texts.
func richText(c *checker, at string, v any) {
	leaf := func(c *checker, at string, v any) {
		if s, given := object(v)["text"]; given {
			text(3000)(c, at+"/text", s)
		}
	}
	section := shape{required: []string{"elements"}, fields: map[string]rule{"elements": items(0, 1000, leaf), "border": anything}}
	c.typed(at, v, map[string]shape{
		"rich_text_section": section, "rich_text_preformatted": section, "rich_text_quote": section,
		"rich_text_list": {required: []string{"elements", "style"}, fields: map[string]rule{
			"elements": items(1, 1000, one(map[string]shape{"rich_text_section": section})),
			"style":    words("bullet", "ordered"), "indent": anything, "border": anything, "offset": anything,
		}},
	})
}

// table checks the rows of a table, of which a message has one at most.
func table(c *checker, at string, v any) {
	if c.tables++; c.tables > 1 {
		c.fault(at, "only one table allowed")
	}
	cell := one(map[string]shape{
		"raw_text":  {required: []string{"text"}, fields: map[string]rule{"text": text(3000)}},
		"rich_text": {required: []string{"elements"}, fields: map[string]rule{"elements": items(1, 100, richText)}},
	})
	items(1, 100, items(1, 20, cell))(c, at, v)
}
