package slacksim

const (
	notInteractive = "This app is not configured to handle interactive responses. Please configure interactivity URL for your app under the app config page."
	noConnection   = "We had some trouble connecting. Try again?"
)

// interact sends what a person did with an element, a view or a shortcut. The lock is held.
func (w *Workspace) interact(d *Delivery, payload map[string]any, accepts bool) *Delivery {
	if !w.app.interactive {
		d.fail("interactivity_disabled", notInteractive)
		if d.lost != nil {
			d.lost()
		}
		w.touch()
		return d
	}
	w.dispatch("interactive", payload, accepts, d)
	return d
}

// interaction is what every interactive payload tells.
func (w *Workspace) interaction(kind string, u *User) map[string]any {
	return map[string]any{
		"type": kind, "api_app_id": w.opts.AppID, "token": verificationToken,
		"user":       map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"team":       map[string]any{"id": w.opts.TeamID, "domain": w.opts.TeamDomain},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// viewInteraction is what a payload about an element of a view tells.
func (w *Workspace) viewInteraction(kind string, u *User, v *viewState) map[string]any {
	payload := w.interaction(kind, u)
	payload["container"] = map[string]any{"type": "view", "view_id": v.id}
	payload["view"] = w.wireView(v, true)
	return payload
}
