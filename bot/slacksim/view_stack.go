package slacksim

import "slices"

// maxStack is how many views a modal holds.
const maxStack = 3

// stack is a person's open views, the bottom one first.
func (w *Workspace) stack(user string) []*viewState { return w.stacks[user] }

// openView makes a view the only one of its modal; what the person had open is gone.
func (w *Workspace) openView(v *viewState) {
	w.clearViews(v.user)
	w.views[v.id], w.stacks[v.user] = v, []*viewState{v}
	w.recordView(KindViewOpened, v)
}

// pushView puts a view on top of the person's modal.
func (w *Workspace) pushView(v *viewState) {
	stack := w.stacks[v.user]
	v.root, v.previous = stack[0].id, stack[len(stack)-1].id
	w.views[v.id], w.stacks[v.user] = v, append(slices.Clone(stack), v)
	w.recordView(KindViewOpened, v)
}

// closeView takes a view and what is above it away.
func (w *Workspace) closeView(v *viewState) {
	stack := w.stacks[v.user]
	at := slices.Index(stack, v)
	if at < 0 {
		return
	}
	for _, gone := range slices.Backward(stack[at:]) {
		delete(w.views, gone.id)
		w.recordView(KindViewClosed, gone)
	}
	w.stacks[v.user] = slices.Clone(stack[:at])
}

// clearViews closes a person's whole modal.
func (w *Workspace) clearViews(user string) {
	if stack := w.stacks[user]; len(stack) > 0 {
		w.closeView(stack[0])
	}
}
