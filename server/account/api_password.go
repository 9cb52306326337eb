package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
)

// passwordAnswer says whether there is a password, and how long a new one has to be.
type passwordAnswer struct {
	Set     bool `json:"set"`
	Minimum int  `json:"minimum" doc:"Characters that a new one has at least"`
	Maximum int  `json:"maximum" doc:"Characters that a new one has at most"`
}

type passwordChange struct {
	Password   string `json:"password" doc:"The new one"`
	Current    string `json:"current,omitempty" doc:"The present one, where the application has asked for it: it is checked first, and counts as a guess"`
	KeepOthers bool   `json:"keep_others,omitempty" doc:"Other devices and applications stay signed in"`
}

func (d *Door) passwordOperations(api huma.API) {
	operation(d, api, reads, op("get-password", "GET", "/password", "Whether the person has a password, and how long a new one has to be"), func(ctx context.Context, c *caller, _ *nothing) (*body[passwordAnswer], error) {
		rule, err := d.engine.PasswordRule(ctx, c.User.ID)
		if err != nil {
			return nil, err
		}
		has, err := d.engine.Factors(ctx, c.User.ID)
		return &body[passwordAnswer]{passwordAnswer{Set: has.Password, Minimum: rule.Least, Maximum: rule.Most}}, err
	})
	operation(d, api, weighs, op("put-password", "PUT", "/password", "Set or change the password; unless keep_others, other devices and applications are signed out", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *body[passwordChange]) (*nothing, error) {
			return nil, d.takePassword(ctx, c, in.Body)
		})
	operation(d, api, weighs, op("delete-password", "DELETE", "/password", "Remove the password", http.StatusNoContent), func(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
		return nil, d.engine.RemovePassword(ctx, c.by(), c.User.ID)
	})
}

func (d *Door) takePassword(ctx context.Context, c *caller, in passwordChange) error {
	n := authn.NewPassword{Password: in.Password, Session: c.Session, KeepOthers: in.KeepOthers}
	if in.Current == "" {
		return d.engine.SetPassword(ctx, c.by(), c.User.ID, n)
	}
	err := d.engine.ChangePassword(ctx, c.visitor, c.User.ID, in.Current, n)
	var wrong *authn.WrongAnswer
	if errors.As(err, &wrong) {
		return huma.NewError(http.StatusUnprocessableEntity, fmt.Sprintf("That is not the present password. Tries left: %d.", wrong.Left), &huma.ErrorDetail{Location: "body.current", Message: "wrong"})
	}
	return err
}

// weakPassword says why a password is refused: in a sentence, and in one word for programs.
func weakPassword(w *authn.WeakPassword) error {
	word, sentence := "", ""
	switch w.Why {
	case authn.WeakShort:
		word, sentence = "short", fmt.Sprintf("The password is too short: it takes at least %d characters.", w.Rule.Least)
	case authn.WeakLong:
		word, sentence = "long", fmt.Sprintf("The password is too long: it can have %d characters.", w.Rule.Most)
	case authn.WeakText:
		word, sentence = "text", "The password is not text in UTF-8."
	case authn.WeakCommon:
		word, sentence = "common", "Many people have this password, or one like it."
	case authn.WeakPersonal:
		word, sentence = "personal", "The password is made of the person's name or address, or of the name of this server."
	default:
		word, sentence = "leaked", "The password was found among passwords that have leaked."
	}
	return huma.NewError(http.StatusUnprocessableEntity, sentence, &huma.ErrorDetail{Location: "body.password", Message: word})
}
