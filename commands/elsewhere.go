package commands

import (
	"context"
	"errors"
	"slices"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
)

// ElsewhereReply is a reply in a channel where the bot cannot post. It says that first, and what helps.
type ElsewhereReply struct {
	Reply

	Why *CardError
}

// Document puts the sentence before the reply, behind the sign of a refusal or a problem.
func (r ElsewhereReply) Document() doc.Document {
	d := r.Reply.Document()
	sign, brief := cutSign(d.Fallback().Text())
	first := markup.Join([]markup.Text{sign, markup.Format("%s %s", sentence(r.Why.What), sentence(r.Why.Do))}, " ")
	blocks := slices.Clone(d.Blocks)
	if len(blocks) > 0 && len(blocks[0].Lines) > 0 {
		blocks[0].Lines = slices.Clone(blocks[0].Lines)
		_, blocks[0].Lines[0] = cutSign(blocks[0].Lines[0])
	}
	d.Brief, d.Blocks = markup.Brief(first, brief), append([]doc.Block{doc.Lines(first)}, blocks...)
	return d
}

// elsewherePatience bounds how long an answer waits for Slack to say whether the bot is in the channel.
const elsewherePatience = time.Second

// cutSign cuts the sign of a refusal or a problem off a line.
func cutSign(line markup.Text) (sign, rest markup.Text) {
	if rest, cut := line.CutSign("⛔"); cut {
		return markup.Format("⛔"), rest
	}
	rest, cut := line.CutSign("⚠️")
	if cut {
		sign = markup.Format("⚠️")
	}
	return sign, rest
}

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
