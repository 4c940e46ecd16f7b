package bot

import "sync"

// windows has each form's window show what is to stand in it last, where several fillings are under way. Its zero value works.
type windows struct {
	mu   sync.Mutex
	open map[string]*window
}

// window is the window of one form.
type window struct {
	open  int // how many fillings are under way
	begun int // how many there were

	update sync.Mutex // held while Slack is told, so that what is newer comes later
}

// filling is one filling of a window.
type filling struct {
	windows *windows
	window  *window
	id      string
	number  int
}

// begin says that a window is being filled in. What was begun before does not show in it any more.
func (w *windows) begin(id string) filling {
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
	win.open++
	win.begun++
	return filling{windows: w, window: win, id: id, number: win.begun}
}

// take tells Slack what is to be shown, unless something newer is.
func (f filling) take(tell func() error) error {
	f.window.update.Lock()
	defer f.window.update.Unlock()
	f.windows.mu.Lock()
	newest := f.window.begun == f.number
	f.windows.mu.Unlock()
	if !newest {
		return nil
	}
	return tell()
}

func (w *windows) end(f filling) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.window.open--; f.window.open == 0 {
		delete(w.open, f.id)
	}
}
