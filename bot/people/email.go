package people

import (
	"context"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"c66bot/bot/webapi"
)

// emailAge is the lifetime of the answer to an address, also of the one that nobody has it.
const emailAge = 24 * time.Hour

// ByEmail returns the user with the e-mail address that a text holds, alone or as in "Kim <kim@example.com>". It returns "" for a text
// without an address, for an address that nobody of the workspace has exactly, and for that of a bot or a deactivated account.
func (p *People) ByEmail(ctx context.Context, text string) (string, error) {
	address, err := mail.ParseAddress(strings.TrimSpace(text))
	if err != nil {
		return "", nil //nolint:nilerr // a name, or what a machine is called
	}
	email := strings.ToLower(address.Address)
	return p.emails.get(ctx, email, emailAge, func(ctx context.Context) (string, error) {
		found, err := webapi.Ask(ctx, p.api, "users.lookupByEmail", url.Values{"email": {email}}, func(i info) bool { return i.User.ID != "" })
		switch {
		case webapi.Is(err, webapi.NoPerson):
			return "", nil
		case err != nil:
			return "", err
		case found.User.Deleted || found.User.Bot || found.User.WorkflowBot || found.User.ConnectorBot:
			return "", nil
		case found.User.Profile.Email != "" && !strings.EqualFold(found.User.Profile.Email, email):
			return "", nil
		}
		return found.User.ID, nil
	})
}
