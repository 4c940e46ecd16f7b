package bot

import "sync"

// windows has each form's window show what is to stand in it last, where several fillings are under way. Its zero value works.
type windows struct {
	mu   sync.Mutex
	open map[string]*window
}

// window is the window of one form.
type window struct {
	filling int // how many fillings are under way
	turns   int // how many there were

	update sync.Mutex // held while Slack is told, so that what is newer comes later
}

// turn is one filling of a window.
type turn struct {
	windows *windows
	window  *window
	id      string
	number  int
}

// begin says that a window is being filled in. What was begun before does not show in it any more.
func (w *windows) begin(id string) turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[string]*window{}
	}
	win := w.open[id]
	if win == nil {
		win = &window{}
		w.open[id] = win
	}
	win.filling++
	win.turns++
	return turn{windows: w, window: win, id: id, number: win.turns}
}

// take tells Slack what is to be shown, unless something newer is.
func (t turn) take(tell func() error) error {
	t.window.update.Lock()
	defer t.window.update.Unlock()
	t.windows.mu.Lock()
	newest := t.window.turns == t.number
	t.windows.mu.Unlock()
	if !newest {
		return nil
	}
	return tell()
}

func (w *windows) end(t turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.window.filling--; t.window.filling == 0 {
		delete(w.open, t.id)
	}
}
