package commands

import (
	"context"
	"errors"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
)

// ElsewhereReply is a reply in a channel where the bot cannot post. It says that first, and what helps.
type ElsewhereReply struct {
	Reply

	Why *CardError
}

// Document puts the sentence before the reply.
func (r ElsewhereReply) Document() doc.Document {
	d := r.Reply.Document()
	first := markup.Format("%s. %s.", sentence(r.Why.What), sentence(r.Why.Do))
	d.Brief = markup.Brief(first, d.Fallback().Text())
	d.Blocks = append([]doc.Block{doc.Lines(first)}, d.Blocks...)
	return d
}

// elsewherePatience bounds how long an answer waits for Slack to say whether the bot is in the channel.
const elsewherePatience = time.Second

// elsewhere returns the reply, with the sentence if the bot certainly cannot post in the channel of the request.
func (h *Handler) elsewhere(ctx context.Context, req Request, reply Reply) Reply {
	if _, isForm := reply.(FormReply); reply == nil || isForm || req.Channel == "" || req.subject().Direct() {
		return reply
	}
	ctx, cancel := context.WithTimeout(ctx, elsewherePatience)
	defer cancel()
	if why, ok := errors.AsType[*CardError](h.member(ctx, req)); ok && why.What != "" {
		return ElsewhereReply{reply, why}
	}
	return reply
}
