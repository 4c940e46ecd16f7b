package slacksim

import "testing"

func TestAnAddressNamesOneOfSeveralElementsWithTheSameText(t *testing.T) {
	t.Parallel()
	w := New(Options{})
	defer w.Close()
	w.AddUser(User{ID: lin, Name: "lin"})
	w.AddChannel(Channel{ID: "C0WEB", Name: "web", Members: []string{lin}, BotIsMember: true})
	show := func(block, action string) map[string]any {
		return map[string]any{"type": "section", "block_id": block, "accessory": map[string]any{
			"type": "button", "action_id": action, "text": map[string]any{"type": "plain_text", "text": "Show"},
		}}
	}
	unlock := w.lock()
	m := w.snapshot(w.post(w.channels["C0WEB"], Message{BotID: botID, Blocks: []map[string]any{show("one", "a"), show("two", "a")}}))
	unlock()
	d, err := w.Person(lin).Click("C0WEB", m, Address("two", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if action := objects(d.Payload["actions"])[0]; action["block_id"] != "two" {
		t.Errorf("the click was on %v", action)
	}
	if log := w.Log(); log[len(log)-1].Text != "Show" && log[len(log)-2].Text != "Show" {
		t.Errorf("the log does not show what was clicked: %+v", log)
	}
	if _, err := w.Person(lin).Click("C0WEB", m, Address("three", "a")); err == nil {
		t.Error("a click on nothing succeeded")
	}
}
