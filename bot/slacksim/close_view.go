package slacksim

// CloseView presses the view's close button: the view below comes back, or with
// clear_on_close the whole modal is gone. It returns nil where the app did not
// ask to be told, or where no view is open.
func (p *Person) CloseView() *Delivery {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, err := p.top()
	if err != nil {
		return nil
	}
	payload := p.w.interaction("view_closed", p.w.users[p.id])
	payload["view"], payload["is_cleared"] = p.w.wireView(v, true), v.flag("clear_on_close")
	if v.flag("clear_on_close") {
		p.w.clearViews(p.id)
	} else {
		p.w.closeView(v)
	}
	if !v.flag("notify_on_close") {
		return nil
	}
	d := p.w.newDelivery()
	d.user = p.id
	return p.w.interact(d, payload, false)
}
