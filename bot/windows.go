package bot

import "sync"

// windows orders the updates of each form's view, so that an older filling never overwrites a newer one. Slack's own guard, the hash of
// views.update, would keep the first one instead. The zero value is ready for use.
type windows struct {
	mu   sync.Mutex
	open map[string]*window
}

// window is the view of one form.
type window struct {
	fillings int // in progress
	newest   *filling
	update   sync.Mutex // held during a call, so that newer content is sent later
}

// filling is one update of a view's content.
type filling struct {
	id     string
	window *window
}

// begin starts a filling of a view. Earlier fillings are no longer shown.
func (w *windows) begin(id string) *filling {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[string]*window{}
	}
	if w.open[id] == nil {
		w.open[id] = &window{}
	}
	f := &filling{id, w.open[id]}
	f.window.fillings++
	f.window.newest = f
	return f
}

// show makes the call, unless a newer filling has begun.
func (w *windows) show(f *filling, call func() error) error {
	f.window.update.Lock()
	defer f.window.update.Unlock()
	w.mu.Lock()
	newest := f.window.newest == f
	w.mu.Unlock()
	if !newest {
		return nil
	}
	return call()
}

func (w *windows) end(f *filling) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.window.fillings--; f.window.fillings == 0 {
		delete(w.open, f.id)
	}
}
