package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// User is a person as the API shows one. The words are those of the claims where there is one.
type User struct {
	Sub      string     `json:"sub" doc:"Never changes"`
	Email    string     `json:"email"`
	Verified bool       `json:"email_verified"`
	Name     string     `json:"name"`
	Username string     `json:"preferred_username"`
	Role     string     `json:"role" enum:"none,reader,admin,owner"`
	Status   string     `json:"status" enum:"active,disabled"`
	Groups   []string   `json:"groups,omitempty"`
	Password bool       `json:"password,omitempty" doc:"They have one"`
	Created  *time.Time `json:"created"`
	Profile
	Attributes map[string]any `json:"attributes,omitempty" doc:"This server's own"`
	Accepted   []Accepted     `json:"accepted,omitempty" doc:"Versions of terms and privacy notice; not in lists"`
}

// Accepted is a version of a document that a person has accepted.
type Accepted struct {
	Document string     `json:"document" enum:"terms,privacy"`
	Version  string     `json:"version"`
	URL      string     `json:"url"`
	IP       string     `json:"ip"`
	Device   string     `json:"device"`
	At       *time.Time `json:"at"`
}

// NewUser is what it takes to add a person.
type NewUser struct {
	Email  string   `json:"email" minLength:"3" maxLength:"254" doc:"Counts as proven: you vouch for it"`
	Name   string   `json:"name,omitempty" maxLength:"200"`
	Groups []string `json:"groups,omitempty" doc:"That the person becomes a member of; they must be there"`

	Password string `json:"password,omitempty" format:"password" doc:"Has to fulfil the rules"`
	Hash     string `json:"password_hash,omitempty" doc:"Of a password that another server has kept, instead: argon2id, scrypt or pbkdf2-sha256 as a PHC string, or bcrypt"`
}

// People is the engine: it makes, blocks and removes people and knows their codes. Its rules are the same for everybody who asks.
type People interface {
	CreateUser(ctx context.Context, by, address, name string) (storage.User, error)
	DisableUser(ctx context.Context, by string, id storage.ID) error
	SignOutEverywhere(ctx context.Context, by string, id storage.ID) error
	EnableUser(ctx context.Context, by string, id storage.ID) error
	SetAttributes(ctx context.Context, by string, id storage.ID, values map[string]any) error
	SetRole(ctx context.Context, by string, id storage.ID, role string) error
	RemoveSecondFactors(ctx context.Context, by string, id storage.ID) error
	DeleteUser(ctx context.Context, by string, id storage.ID) error
	WeighPassword(ctx context.Context, user storage.ID, password string, more ...string) error
	SetPassword(ctx context.Context, by string, user storage.ID, n authn.NewPassword) error
	ImportPassword(ctx context.Context, by string, user storage.ID, hash string) error
	RemovePassword(ctx context.Context, by string, user storage.ID) error
	RemoveApp(ctx context.Context, by string, user storage.ID, client string) (removed bool, err error)
	WriteLetterCode(ctx context.Context, by string, user storage.ID) (authn.LetterCode, error)
	WriteLetter(ctx context.Context, by string, user storage.ID, recover bool) (authn.AdminLetter, error)
	CreateGroup(ctx context.Context, by, name, description string) (storage.Group, error)
	DeleteGroup(ctx context.Context, by, name string) error
	Join(ctx context.Context, by string, id storage.ID, groups ...string) error
	Leave(ctx context.Context, by string, id storage.ID, group string) error
	Experience(ctx context.Context) (authn.Experience, error)
	Sources(ctx context.Context) (map[string]authn.Source, error)
	TryExperience(ctx context.Context, c authn.ExperienceChange) (authn.Experience, []authn.Affected, error)
	ChangeExperience(ctx context.Context, by string, c authn.ExperienceChange) (authn.Experience, error)
	Invite(ctx context.Context, by string, n authn.Invite) (authn.Invited, error)
	Uninvite(ctx context.Context, by string, id storage.ID) error
	Usable(code storage.OTP) bool // it can still be typed
}

type (
	userPath struct {
		User string `path:"user" doc:"The sub, or an e-mail address"`
	}
	userAnswer struct{ Body User }
	userQuery  struct {
		Search string `query:"search" maxLength:"200" doc:"Part of a name or address"`
		Cursor string `query:"cursor" doc:"The next_cursor of the page before"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"25"`
	}
	userList struct {
		Body struct {
			Users      []User `json:"users"`
			NextCursor string `json:"next_cursor,omitempty" doc:"Not there on the last page"`
		}
	}
)

func (a *Admin) userRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-users", Method: http.MethodGet, Path: "/api/v1/users", Summary: "List people, the newest first"},
		func(ctx context.Context, in *userQuery) (*userList, error) { return a.listUsers(ctx, in) })
	operation(a, api, huma.Operation{OperationID: "create-user", Method: http.MethodPost, Path: "/api/v1/users", DefaultStatus: http.StatusCreated, Summary: "Add a person"},
		func(ctx context.Context, in *struct{ Body NewUser }) (*userAnswer, error) {
			return a.createUser(ctx, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "show-user", Method: http.MethodGet, Path: "/api/v1/users/{user}", Summary: "Show a person"},
		func(ctx context.Context, in *userPath) (*userAnswer, error) { return a.showUser(ctx, in.User) })
	operation(a, api, huma.Operation{OperationID: "update-user", Method: http.MethodPatch, Path: "/api/v1/users/{user}", Summary: "Change what is known about a person"},
		func(ctx context.Context, in *struct {
			User string `path:"user" doc:"The sub, or an e-mail address"`
			Body UserChange
		}) (*userAnswer, error) {
			return a.updateUser(ctx, in.User, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "disable-user", Method: http.MethodPost, Path: "/api/v1/users/{user}/disable", Summary: "Keep a person out; their sessions and tokens end now"},
		func(ctx context.Context, in *userPath) (*userAnswer, error) {
			return a.changed(ctx, in.User, a.deps.People.DisableUser)
		})
	operation(a, api, huma.Operation{OperationID: "enable-user", Method: http.MethodPost, Path: "/api/v1/users/{user}/enable", Summary: "Let a person in again"},
		func(ctx context.Context, in *userPath) (*userAnswer, error) {
			return a.changed(ctx, in.User, a.deps.People.EnableUser)
		})
	operation(a, api, huma.Operation{OperationID: "sign-out-user", Method: http.MethodPost, Path: "/api/v1/users/{user}/sign-out", Summary: "Sign a person out of all devices and applications"},
		func(ctx context.Context, in *userPath) (*userAnswer, error) {
			return a.changed(ctx, in.User, a.deps.People.SignOutEverywhere)
		})
	operation(a, api, huma.Operation{OperationID: "remove-second-factor", Method: http.MethodPost, Path: "/api/v1/users/{user}/remove-second-factor", Summary: "Take a person's authenticator app and recovery codes away"},
		func(ctx context.Context, in *userPath) (*userAnswer, error) {
			return a.changed(ctx, in.User, a.deps.People.RemoveSecondFactors)
		})
	operation(a, api, huma.Operation{OperationID: "set-role", Method: http.MethodPost, Path: "/api/v1/users/{user}/role", Summary: "Say what a person may do on this server"},
		func(ctx context.Context, in *struct {
			User string `path:"user" doc:"The sub, or an e-mail address"`
			Body struct {
				Role string `json:"role" enum:"none,admin,owner"`
			}
		}) (*userAnswer, error) {
			return a.changed(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error {
				return a.deps.People.SetRole(ctx, by, id, in.Body.Role)
			})
		})
	operation(a, api, huma.Operation{OperationID: "delete-user", Method: http.MethodDelete, Path: "/api/v1/users/{user}", Summary: "Delete a person with everything that is theirs"},
		func(ctx context.Context, in *userPath) (*struct{}, error) {
			_, err := a.change(ctx, in.User, a.deps.People.DeleteUser)
			return nil, err
		})
}

func (a *Admin) listUsers(ctx context.Context, in *userQuery) (*userList, error) {
	cursor, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	return a.page(ctx, in.Limit, func(tx storage.Tx, limit int) ([]storage.User, error) { return tx.Users(in.Search, cursor, limit) })
}

// page shows up to limit people of a list, and where the next page begins.
func (a *Admin) page(ctx context.Context, limit int, read func(tx storage.Tx, limit int) ([]storage.User, error)) (*userList, error) {
	out := &userList{}
	out.Body.Users = []User{}
	err := a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		people, err := read(tx, limit+1)
		if err != nil {
			return err
		}
		if len(people) > limit {
			people = people[:limit]
			out.Body.NextCursor = people[limit-1].ID.String()
		}
		for _, p := range people {
			u, err := shown(tx, p)
			if err != nil {
				return err
			}
			out.Body.Users = append(out.Body.Users, u)
		}
		return nil
	})
	return out, err
}

func (a *Admin) createUser(ctx context.Context, in NewUser) (*userAnswer, error) {
	name := strings.TrimSpace(in.Name)
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, refuse(422, "The name has a line break or control character in it. Remove it.")
	}
	if err := checkGroups(a.deps.Store.View(ctx), storage.Client{Settings: storage.ClientSettings{AllowedGroups: in.Groups}}); err != nil {
		return nil, err
	}
	if err := a.checkNewPassword(ctx, in); err != nil {
		return nil, err
	}
	person, err := a.deps.People.CreateUser(ctx, actor, in.Email, name)
	switch {
	case errors.Is(err, authn.ErrBadAddress):
		return nil, refuse(422, "%q is not an e-mail address.", in.Email)
	case errors.Is(err, authn.ErrTaken):
		return nil, refuse(409, "Somebody has the address %s already. `gatelatch user show %s` shows who.", in.Email, in.Email)
	case err != nil:
		return nil, err
	}
	if in.Password != "" || in.Hash != "" {
		if err := a.setPassword(ctx, actor, person.ID, PasswordChange{Password: in.Password, Hash: in.Hash}); err != nil {
			return nil, err
		}
	}
	if len(in.Groups) > 0 {
		return a.changed(ctx, person.ID.String(), func(ctx context.Context, by string, id storage.ID) error {
			return a.deps.People.Join(ctx, by, id, in.Groups...)
		})
	}
	return a.showUser(ctx, person.ID.String())
}

func (a *Admin) showUser(ctx context.Context, name string) (*userAnswer, error) {
	out := &userAnswer{}
	err := a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		p, err := findUser(tx, name)
		if err != nil {
			return err
		}
		if out.Body, err = shown(tx, p); err != nil {
			return err
		}
		accepted, err := tx.Acceptances(p.ID)
		for _, a := range accepted {
			out.Body.Accepted = append(out.Body.Accepted, Accepted{Document: a.Document, Version: a.Version, URL: a.URL, IP: a.IP, Device: a.Device, At: moment(a.Accepted)})
		}
		return err
	})
	return out, err
}

// change does something to a person whom the path names.
func (a *Admin) change(ctx context.Context, name string, do func(ctx context.Context, by string, id storage.ID) error) (storage.ID, error) {
	p, err := findUser(a.deps.Store.View(ctx), name)
	if err != nil {
		return p.ID, err
	}
	var bad *authn.BadAttribute
	switch err := do(ctx, actor, p.ID); {
	case errors.As(err, &bad) && bad.Form == "":
		return p.ID, refuse(422, "There is no attribute %q. `gatelatch user set --help` and `gatelatch experience show` name them all.", bad.Name)
	case errors.As(err, &bad):
		return p.ID, refuse(422, "%s must be %s.", bad.Name, bad.Form)
	case errors.Is(err, authn.ErrNotEnrolled):
		return p.ID, refuse(409, "%s has no authenticator app and no recovery codes.", name)
	case errors.Is(err, authn.ErrLastOwner):
		return p.ID, refuse(409, "This is the last owner. Without one nobody could look after the server: make another one first, with `gatelatch user role PERSON owner`.")
	case errors.Is(err, authn.ErrUsernameTaken):
		return p.ID, refuse(409, "Somebody has this username already. Choose another.")
	case errors.Is(err, authn.ErrNoUser):
		return p.ID, refuse(404, "There is nobody with %s. `gatelatch user list` shows everybody.", name)
	default:
		return p.ID, err
	}
}

// changed is change for what leaves a person to show.
func (a *Admin) changed(ctx context.Context, name string, do func(ctx context.Context, by string, id storage.ID) error) (*userAnswer, error) {
	id, err := a.change(ctx, name, do)
	if err != nil {
		return nil, err
	}
	return a.showUser(ctx, id.String())
}

// findUser finds a person by sub or address.
func findUser(tx storage.Tx, name string) (storage.User, error) {
	var (
		p   storage.User
		err error
	)
	if id, bad := storage.ParseID(name); bad == nil {
		p, err = tx.User(id)
	} else if address, bad := authn.NormalizeAddress(name); bad == nil {
		p, err = tx.UserByEmail(address)
	} else {
		return p, refuse(404, "%q is neither an e-mail address nor an id. `gatelatch user list` shows everybody.", name)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return p, refuse(404, "There is nobody with %s. `gatelatch user list` shows everybody.", name)
	}
	return p, err
}

// shown is a person with their primary address.
func shown(tx storage.Tx, p storage.User) (User, error) {
	u := User{Sub: p.ID.String(), Name: p.Name, Username: p.Username, Role: p.Role, Status: p.Status, Created: moment(p.Created), Profile: profileOf(p), Attributes: authn.OwnAttributesOf(p)}
	var err error
	if u.Groups, err = tx.UserGroups(p.ID); err != nil {
		return u, err
	}
	if _, err := tx.Password(p.ID); err == nil {
		u.Password = true
	} else if !errors.Is(err, storage.ErrNotFound) {
		return u, err
	}
	e, err := tx.PrimaryEmail(p.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return u, nil
	}
	u.Email, u.Verified = e.Typed, e.VerifiedAt > 0
	return u, err
}

// parseCursor reads the place in a list; "" is its beginning.
func parseCursor(text string) (storage.ID, error) {
	if text == "" {
		return storage.ID{}, nil
	}
	id, err := storage.ParseID(text)
	if err != nil {
		return id, refuse(422, "The cursor is not one of ours. Leave it out to begin with the first page.")
	}
	return id, nil
}
