package slacksim

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// usualQuery is how many characters must be typed where an external select does not say.
const usualQuery = 3

// Search types into the external select with a label, waits for the app's
// options and returns their texts. With fewer characters than min_query_length
// (3 where the app does not say) nothing is sent: the Delivery is nil. An answer
// that Slack cannot use is listed by Violations and shows no options.
func (p *Person) Search(ctx context.Context, label, typed string) ([]string, *Delivery, error) {
	d, texts, err := p.search(label, typed)
	if d == nil || err != nil {
		return nil, nil, err
	}
	if _, err := d.Wait(ctx); err != nil {
		return nil, d, fmt.Errorf("search for %q in %q: %w", typed, label, err)
	}
	return *texts, d, nil
}

// search sends the suggestion request; texts are set once it is acknowledged.
func (p *Person) search(label, typed string) (*Delivery, *[]string, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, f, err := p.field(label, "external_select")
	if err != nil {
		return nil, nil, err
	}
	least := usualQuery
	if n, given := f.element["min_query_length"].(float64); given {
		least = int(n)
	}
	if utf8.RuneCountInString(typed) < least {
		return nil, nil, nil
	}
	d, texts := p.w.newDelivery(), &[]string{}
	d.user = p.id
	delete(v.offered, f.key)
	d.taken = func(payload map[string]any) {
		v.offered[f.key] = p.w.suggested(d, payload)
		for _, o := range v.offered[f.key] {
			*texts = append(*texts, textOf(o["text"]))
		}
	}
	payload := p.w.viewInteraction("block_suggestion", p.w.users[p.id], v)
	payload["block_id"], payload["action_id"], payload["value"] = f.key.block, f.key.action, typed
	p.w.record(Event{Kind: KindSearched, User: p.id, Text: typed})
	return p.w.interact(d, payload, true), texts, nil
}

// suggested reads the options of an acknowledgement. An answer with a fault brings none.
func (w *Workspace) suggested(d *Delivery, payload map[string]any) []map[string]any {
	c := &checker{}
	c.shape("", payload, shape{
		fields: map[string]rule{"options": items(0, 100, menuOption()), "option_groups": items(0, 100, optionGroup())},
	})
	if (payload["options"] == nil) == (payload["option_groups"] == nil) {
		c.fault("", "exactly one of options and option_groups is required")
	}
	if len(c.problems) > 0 {
		w.violate("envelope %s: the options are refused: %q", d.EnvelopeID, c.problems)
		return nil
	}
	return optionsOf(payload)
}
