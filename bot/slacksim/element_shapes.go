package slacksim

import "maps"

// elementShapes are the interactive elements of sections and actions, and images.
func elementShapes() map[string]shape {
	shapes := fieldShapes()
	shapes["button"] = shape{required: []string{"text"}, fields: map[string]rule{
		"action_id": actionID, "text": plain(75), "value": characters(2000), "url": webAddress,
		"style": words("primary", "danger"), "confirm": confirm(), "accessibility_label": characters(75),
	}}
	shapes["image"] = shape{required: []string{"alt_text"}, oneOf: []string{"image_url", "slack_file"}, fields: imageFields()}
	shapes["overflow"] = shape{required: []string{"options"}, fields: map[string]rule{
		"action_id": actionID, "options": items(1, 5, option(plain(75), true)), "confirm": confirm(),
	}}
	return shapes
}

// inputShapes are the elements of input blocks. A response_url can only be asked for here.
func inputShapes() map[string]shape {
	shapes := fieldShapes()
	for _, name := range []string{"channels_select", "conversations_select"} {
		shapes[name].fields["response_url_enabled"] = boolean
	}
	shapes["plain_text_input"] = shape{
		fields: map[string]rule{
			"action_id": actionID, "placeholder": plain(150), "initial_value": atMost(3000), "multiline": boolean,
			"min_length": number(0, 3000), "max_length": number(1, 3000), "focus_on_load": focus,
			"dispatch_action_config": record(shape{fields: map[string]rule{
				"trigger_actions_on": items(1, 2, words("on_enter_pressed", "on_character_entered")),
			}}),
		},
		also: func(c *checker, at string, o map[string]any) {
			least, _ := o["min_length"].(float64)
			if most, limited := o["max_length"].(float64); limited && least > most {
				c.fault(at+"/min_length", "must not be above max_length")
			}
		},
	}
	return shapes
}

// fieldShapes are the elements that hold a value wherever they stand.
func fieldShapes() map[string]shape {
	return map[string]shape{
		"static_select":       listed(menu(map[string]rule{"initial_option": menuOption()})),
		"multi_static_select": listed(menu(map[string]rule{"initial_options": items(1, 100, menuOption()), "max_selected_items": number(1, 100)})),
		"external_select":     menu(map[string]rule{"initial_option": menuOption(), "min_query_length": number(0, 3000)}),
		"users_select":        menu(map[string]rule{"initial_user": characters(255)}),
		"channels_select":     menu(map[string]rule{"initial_channel": characters(255)}),
		"conversations_select": menu(map[string]rule{
			"initial_conversation": characters(255), "default_to_current_conversation": boolean, "filter": filter(),
		}),
		"radio_buttons": box(map[string]rule{"initial_option": markedOption()}),
		"checkboxes":    box(map[string]rule{"initial_options": items(1, 10, markedOption())}),
	}
}

// menu is a menu with what all of them have and more.
func menu(more map[string]rule) shape {
	fields := map[string]rule{
		"action_id": actionID, "placeholder": plain(150), "confirm": confirm(), "focus_on_load": focus,
	}
	maps.Copy(fields, more)
	return shape{fields: fields, also: chosen}
}

// listed is a menu that brings its options with it, in groups or without.
func listed(s shape) shape {
	s.oneOf = []string{"options", "option_groups"}
	s.fields["options"] = items(1, 100, menuOption())
	s.fields["option_groups"] = items(1, 100, optionGroup())
	s.also = func(c *checker, at string, o map[string]any) {
		if o["options"] != nil && o["option_groups"] != nil {
			c.fault(at, "only one of options and option_groups is allowed")
		}
		chosen(c, at, o)
	}
	return s
}

// box is a group of radio buttons or checkboxes.
func box(more map[string]rule) shape {
	fields := map[string]rule{
		"action_id": actionID, "options": items(1, 10, markedOption()), "confirm": confirm(), "focus_on_load": focus,
	}
	maps.Copy(fields, more)
	return shape{required: []string{"options"}, fields: fields, also: chosen}
}

// menuOption is an option of a menu, whose texts are plain.
func menuOption() rule { return option(plain(75), false) }

// markedOption is an option of radio buttons or checkboxes.
func markedOption() rule { return option(either(75), false) }

// option is an option; an address is for overflow menus only.
func option(words rule, link bool) rule {
	fields := map[string]rule{"text": words, "value": characters(150), "description": words}
	if link {
		fields["url"] = webAddress
	}
	return untyped(shape{required: []string{"text", "value"}, fields: fields})
}

func optionGroup() rule {
	return untyped(shape{required: []string{"label", "options"}, fields: map[string]rule{
		"label": plain(75), "options": items(1, 100, menuOption()),
	}})
}

// filter is what a select of conversations leaves out.
func filter() rule {
	return untyped(shape{
		oneOf: []string{"include", "exclude_external_shared_channels", "exclude_bot_users"},
		fields: map[string]rule{
			"include":                          items(1, 4, words("im", "mpim", "private", "public")),
			"exclude_external_shared_channels": boolean, "exclude_bot_users": boolean,
		},
	})
}
