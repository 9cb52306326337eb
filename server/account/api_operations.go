package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

type (
	nothing     struct{}
	body[T any] struct{ Body T }
	byAddress   struct {
		Address string `path:"address" maxLength:"254"`
	}
	bodyAddress struct {
		Body struct {
			Email string `json:"email" minLength:"3" maxLength:"254"`
		}
	}
)

func op(id, method, path, summary string, status ...int) huma.Operation {
	o := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary}
	if len(status) > 0 {
		o.DefaultStatus = status[0]
	}
	return o
}

func (d *Door) profileOperations(api huma.API) {
	operation(d, api, reads, op("get-profile", "GET", "/profile", "What is known about the person"), func(ctx context.Context, c *caller, _ *nothing) (*body[ExportProfile], error) {
		return d.profileOf(ctx, c)
	})
	operation(d, api, reads, op("list-profile-fields", "GET", "/profile/fields", "What the person can say of themselves, in the order of the account page"), func(ctx context.Context, c *caller, _ *nothing) (*body[[]ProfileField], error) {
		list, err := d.fieldsOf(ctx, c)
		return &body[[]ProfileField]{list}, err
	})
	operation(d, api, writes, op("change-profile", "PATCH", "/profile", "Change what is known about the person; what is not named stays, \"\" or null forgets"),
		func(ctx context.Context, c *caller, in *struct {
			Body map[string]any `doc:"Names of fields, such as name, zoneinfo, locale, given_name, address.locality, or of attributes of this server's own"`
		}) (*body[ExportProfile], error) {
			if err := d.changeProfile(ctx, c, in.Body); err != nil {
				return nil, err
			}
			return d.profileOf(ctx, c)
		})
	operation(d, api, weighs, op("put-username", "PUT", "/username", "Change the username, where people sign in by one", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			Body struct {
				Username string `json:"username" maxLength:"64"`
			}
		}) (*nothing, error) {
			return nil, d.engine.ChangeUsername(ctx, c.visitor, c.User.ID, in.Body.Username)
		})
	picture := op("put-picture", "PUT", "/picture", "Send a picture: PNG, JPEG, WebP or GIF", http.StatusNoContent)
	picture.MaxBodyBytes = maxPicture
	operation(d, api, writes, picture, func(ctx context.Context, c *caller, in *struct {
		RawBody []byte `contentType:"application/octet-stream"`
	}) (*nothing, error) {
		return nil, d.takePicture(ctx, c.visitor, c.User.ID, in.RawBody)
	})
	operation(d, api, writes, op("delete-picture", "DELETE", "/picture", "Take the picture away", http.StatusNoContent), func(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
		return nil, d.keepPicture(ctx, c.visitor, c.User.ID, nil, "")
	})
}

func (d *Door) profileOf(ctx context.Context, c *caller) (*body[ExportProfile], error) {
	p, err := exportProfile(d.store.View(ctx), c.User.ID)
	return &body[ExportProfile]{p}, err
}

func (d *Door) addressOperations(api huma.API) {
	operation(d, api, reads, op("list-addresses", "GET", "/addresses", "E-mail addresses, the main one first"), func(ctx context.Context, c *caller, _ *nothing) (*body[[]ExportAddress], error) {
		list, err := exportAddresses(d.store.View(ctx), c.User.ID)
		return &body[[]ExportAddress]{list}, err
	})
	operation(d, api, weighs, op("add-address", "POST", "/addresses", "Add an address: a code is mailed there, and it counts once that is sent back", http.StatusAccepted),
		func(ctx context.Context, c *caller, in *bodyAddress) (*nothing, error) {
			_, err := d.engine.AddAddress(ctx, c.visitor, c.User.ID, in.Body.Email)
			return nil, err
		})
	operation(d, api, writes, op("confirm-address", "POST", "/addresses/{address}/confirm", "Send the code that was mailed to a new address", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			Address string `path:"address" maxLength:"254"`
			Body    struct {
				Code string `json:"code" maxLength:"32"`
			}
		}) (*nothing, error) {
			return nil, d.engine.CheckAddress(ctx, c.visitor, c.User.ID, plain(in.Address), in.Body.Code)
		})
	operation(d, api, weighs, op("make-address-primary", "POST", "/addresses/{address}/primary", "Make a confirmed address the main one; other devices and applications are signed out", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *byAddress) (*nothing, error) {
			return nil, d.engine.MakePrimary(ctx, c.visitor, c.User.ID, c.Session, plain(in.Address))
		})
	operation(d, api, weighs, op("remove-address", "DELETE", "/addresses/{address}", "Remove an address; if it was confirmed, other devices and applications are signed out", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *byAddress) (*nothing, error) {
			return nil, d.engine.RemoveAddress(ctx, c.visitor, c.User.ID, c.Session, plain(in.Address))
		})
}

// plain is an address of a path in the form it is kept in.
func plain(segment string) string {
	if decoded, err := url.PathUnescape(segment); err == nil {
		segment = decoded
	}
	if normal, err := authn.NormalizeAddress(segment); err == nil {
		return normal
	}
	return segment
}

func (d *Door) accessOperations(api huma.API) {
	operation(d, api, reads, op("list-devices", "GET", "/devices", "Where the person is signed in, the one seen last first"), func(ctx context.Context, c *caller, _ *nothing) (*body[[]ExportDevice], error) {
		list, err := d.exportDevices(d.store.View(ctx), c.User.ID)
		for i := range list {
			list[i].Current = list[i].ID == c.Session.String()
		}
		return &body[[]ExportDevice]{list}, err
	})
	operation(d, api, writes, op("end-device", "DELETE", "/devices/{id}", "Sign out one device, with what applications were given there", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			ID string `path:"id"`
		}) (*nothing, error) {
			id, err := storage.ParseID(in.ID)
			if err != nil {
				return nil, nil // there is none such: it is signed out
			}
			return nil, d.engine.EndDevice(ctx, c.visitor, c.User.ID, id)
		})
	operation(d, api, writes, op("sign-out-others", "POST", "/devices/sign-out-others", "Sign out all devices but the one that the token comes from", http.StatusNoContent),
		func(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
			return nil, d.engine.EndOtherDevices(ctx, c.visitor, c.User.ID, c.Session)
		})
	operation(d, api, writes, op("sign-out-everywhere", "POST", "/devices/sign-out-everywhere", "Sign out everywhere; this token ends too", http.StatusNoContent),
		func(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
			return nil, d.engine.SignOutEverywhere(ctx, c.by(), c.User.ID)
		})
	operation(d, api, reads, op("list-apps", "GET", "/apps", "Applications with access, the one used last first"), func(ctx context.Context, c *caller, _ *nothing) (*body[[]ExportApp], error) {
		list, err := d.exportApps(d.store.View(ctx), c.User.ID)
		return &body[[]ExportApp]{list}, err
	})
	operation(d, api, writes, op("remove-app", "DELETE", "/apps/{client_id}", "Take the access of an application back", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			ClientID string `path:"client_id"`
		}) (*nothing, error) {
			_, err := d.engine.RemoveApp(ctx, "user:"+c.User.ID.String(), c.User.ID, in.ClientID)
			return nil, err
		})
}

type activityAnswer struct {
	Body struct {
		Events []ExportEvent `json:"events"`
		Next   string        `json:"next_cursor,omitempty" doc:"Not there on the last page"`
	}
}

func (d *Door) dataOperations(api huma.API) {
	operation(d, api, reads, op("list-activity", "GET", "/activity", "What has happened in the last 90 days, the newest first"),
		func(ctx context.Context, c *caller, in *struct {
			Cursor string `query:"cursor" doc:"The next_cursor of the page before"`
		}) (*activityAnswer, error) {
			before, err := storage.ParseID(in.Cursor)
			if err != nil && in.Cursor != "" {
				return nil, huma.NewError(http.StatusUnprocessableEntity, "The cursor is not one of ours. Leave it out to begin with the first page.")
			}
			out := &activityAnswer{}
			out.Body.Events = []ExportEvent{}
			events, next, err := d.happened(d.store.View(ctx), c.User.ID, before, activityPage)
			for _, e := range events {
				out.Body.Events = append(out.Body.Events, exportEvent(e, c.User.ID))
			}
			out.Body.Next = next
			return out, err
		})
	operation(d, api, exposes, op("get-data", "GET", "/data", "Everything about the person, as the account page's download"), func(ctx context.Context, c *caller, _ *nothing) (*body[Export], error) {
		x, err := d.exportFor(ctx, c.User.ID)
		return &body[Export]{x}, err
	})
	operation(d, api, weighs, op("delete-account", "POST", "/deletion", "Delete the account: everything ends now, and signing in within the days of grace can still keep it", http.StatusAccepted),
		func(ctx context.Context, c *caller, in *struct {
			Body struct {
				Address string `json:"address" maxLength:"254" doc:"One of the person's addresses, typed by them"`
			}
		}) (*body[struct {
			Days int `json:"days_of_grace"`
		}], error) {
			grace, err := d.engine.EndAccount(ctx, c.visitor, c.User.ID, in.Body.Address)
			if errors.Is(err, authn.ErrNoAddress) {
				return nil, huma.NewError(http.StatusUnprocessableEntity, "That is not an address of the person.")
			}
			out := &body[struct {
				Days int `json:"days_of_grace"`
			}]{}
			out.Body.Days = days(grace)
			return out, err
		})
}
