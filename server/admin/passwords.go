package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// PasswordChange gives a person a password: as it is typed, or as the hash that another server has kept of it.
type PasswordChange struct {
	Password     string `json:"password,omitempty" format:"password" doc:"Has to fulfil the rules for a person without a second factor, or with one"`
	Hash         string `json:"password_hash,omitempty" doc:"From elsewhere: argon2id, scrypt or pbkdf2-sha256 as a PHC string, or bcrypt. It is made anew at the next sign-in"`
	KeepSessions bool   `json:"keep_sessions,omitempty" doc:"The person stays signed in where they are. An imported hash ends nothing"`
}

func (a *Admin) passwordRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "set-password", Method: http.MethodPost, Path: "/api/v1/users/{user}/password", Summary: "Give a person a password; they are signed out everywhere"},
		func(ctx context.Context, in *struct {
			User string `path:"user" doc:"The sub, or an e-mail address"`
			Body PasswordChange
		}) (*userAnswer, error) {
			return a.changed(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error { return a.setPassword(ctx, by, id, in.Body) })
		})
	operation(a, api, huma.Operation{OperationID: "remove-password", Method: http.MethodDelete, Path: "/api/v1/users/{user}/password", DefaultStatus: http.StatusOK, Summary: "Take a person's password away, unless it is their last way in"},
		func(ctx context.Context, in *userPath) (*userAnswer, error) {
			return a.changed(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error {
				return passwordRefused(a.deps.People.RemovePassword(ctx, by, id))
			})
		})
}

func (a *Admin) setPassword(ctx context.Context, by string, user storage.ID, c PasswordChange) error {
	switch {
	case (c.Password == "") == (c.Hash == ""):
		return refuse(422, "Give either a password or a password_hash.")
	case c.Hash != "":
		return passwordRefused(a.deps.People.ImportPassword(ctx, by, user, c.Hash))
	}
	return passwordRefused(a.deps.People.SetPassword(ctx, by, user, authn.NewPassword{Password: c.Password, KeepOthers: c.KeepSessions}))
}

// checkNewPassword refuses the password of somebody who is not there yet, before they are made.
func (a *Admin) checkNewPassword(ctx context.Context, in NewUser) error {
	switch {
	case in.Password != "" && in.Hash != "":
		return refuse(422, "Give either a password or a password_hash.")
	case in.Password != "":
		return passwordRefused(a.deps.People.WeighPassword(ctx, storage.ID{}, in.Password, in.Name, in.Email))
	case in.Hash != "":
		return passwordRefused(authn.CheckHash(in.Hash))
	}
	return nil
}

// passwordRefused puts into words why a person cannot have a password.
func passwordRefused(err error) error {
	var weak *authn.WeakPassword
	switch {
	case errors.As(err, &weak):
		switch weak.Why {
		case authn.WeakShort:
			return refuse(422, "The password is too short: it takes at least %d characters.", weak.Rule.Least)
		case authn.WeakLong:
			return refuse(422, "The password is too long: it can have %d characters.", weak.Rule.Most)
		case authn.WeakText:
			return refuse(422, "The password is not text in UTF-8.")
		case authn.WeakCommon:
			return refuse(422, "Too many people have this password, or one like it. Choose another.")
		case authn.WeakPersonal:
			return refuse(422, "The password is made of the person's name or address, or of the name of this server. Choose another.")
		default:
			return refuse(422, "The password was found among passwords that have leaked. Choose another.")
		}
	case errors.Is(err, authn.ErrBadHash):
		return refuse(422, "This is no hash that can be checked here. It takes argon2id, scrypt or pbkdf2-sha256 as a PHC string, or bcrypt, none too costly.")
	case errors.Is(err, authn.ErrNoPassword):
		return refuse(409, "This person has no password.")
	case errors.Is(err, authn.ErrLastWayIn):
		return refuse(409, "The password is the only way in that this person has.")
	case errors.Is(err, authn.ErrBusy):
		return refuse(503, "Many passwords are being checked just now. Try again in a moment.")
	}
	return err
}
