package slacksim

import (
	"maps"
	"strings"
)

// View is one state of a view of a modal, as a client shows it. It is a value:
// what happens to the view later does not change it.
type View struct {
	ID, Hash, Type, CallbackID, ExternalID string

	RootID, PreviousID   string // of the stack's bottom view, and of the one below, if any
	Title, Submit, Close string
	PrivateMetadata      string
	Blocks               []map[string]any
	Errors               map[string]string // block_id to the message that is shown beside the field
	Trouble              string            // what the view itself shows where the app failed to answer, or ""

	values map[fieldKey]map[string]any
	names  map[string]string
}

// View is the view that the person looks at: the topmost open one.
func (p *Person) View() (View, bool) {
	views := p.Views()
	if len(views) == 0 {
		return View{}, false
	}
	return views[len(views)-1], true
}

// Views is the stack of the person's open views, the bottom one first.
func (p *Person) Views() []View {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	var views []View
	for _, v := range p.w.stack(p.id) {
		views = append(views, p.w.shownView(v))
	}
	return views
}

// shownView copies a view for the outside. Values are replaced, never changed.
func (w *Workspace) shownView(v *viewState) View {
	return View{
		ID: v.id, Hash: v.hash, Type: v.text("type"), CallbackID: v.text("callback_id"), ExternalID: v.text("external_id"),
		RootID: v.root, PreviousID: v.previous, Title: textOf(v.given["title"]), Submit: textOf(v.given["submit"]),
		Close: textOf(v.given["close"]), PrivateMetadata: v.text("private_metadata"), Blocks: v.blocks(),
		Errors: maps.Clone(v.errors), Trouble: v.trouble, values: maps.Clone(v.values), names: w.names,
	}
}

// Plain is everything that a person reads: the title, a line a block, the
// view's trouble, its buttons as [Label], and last the view's own Close and
// Submit. An input is "Label: value", with the placeholder in parentheses while
// it is empty, then its hint in a line of its own and its error after "! ".
func (v View) Plain() string {
	r := v.render()
	lines := append([]string{v.Title}, r.lines...)
	if v.Trouble != "" {
		lines = append(lines, "! "+v.Trouble)
	}
	lines = append(lines, bracketed(r.buttons), bracketed([]string{v.Close, v.Submit}))
	return strings.Join(notEmpty(lines), "\n")
}

// Buttons are the labels of the buttons in the view's blocks, in the order of
// reading; its own Close and Submit are not among them.
func (v View) Buttons() []string { return v.render().buttons }

// Fields are the labels of the view's fields in the order of reading: an
// input's label, a section's text beside its menu, the placeholder of a menu in a row of actions.
func (v View) Fields() []string {
	var labels []string
	for _, f := range fieldsOf(v.Blocks) {
		labels = append(labels, f.label)
	}
	return labels
}

// Value is what the field with a label holds now, "" for nothing: the text that
// was typed, the texts of the chosen options separated by ", ", or the chosen #channel or @person.
func (v View) Value(label string) string {
	for _, f := range fieldsOf(v.Blocks) {
		if f.label == label {
			return v.render().held(f)
		}
	}
	return ""
}

// Links are the addresses that a reader of the view could follow, as Message.Links.
func (v View) Links() []string { return unique(v.render().links) }

// Pings are the mentions in the view, as Message.Pings; a view notifies nobody.
func (v View) Pings() []string { return unique(v.render().pings) }
