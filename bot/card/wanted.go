package card

import (
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/storage"
)

// wanted shows what is to be deployed: where the version of a rollback or a promotion comes from, and the ref or the services.
func wanted(w storage.Wish) markup.Text {
	var origin markup.Text
	ref := w.Ref
	switch {
	case w.From != "":
		origin = markup.Format("#%d of *%s*", w.Origin, markup.Shorten(w.From, wording.MaxName))
	case w.Origin != 0:
		origin = markup.Format("back to #%d", w.Origin)
	}
	if w.Origin != 0 {
		ref = wording.ShortHash(ref)
	}
	return markup.Join([]markup.Text{origin, markup.Code(ref), markup.Code(w.Services)}, " · ")
}
