package account

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// authenticatorAnswer is what an authenticator app has to be told, once.
type authenticatorAnswer struct {
	Secret string `json:"secret" doc:"Base32, to be typed into the app"`
	URI    string `json:"uri" doc:"otpauth://, to be shown as a QR code"`
}

// recoveryAnswer are recovery codes that nobody shows again.
type recoveryAnswer struct {
	Codes []string `json:"recovery_codes" doc:"Shown now and never again; empty if the person has some left from before"`
}

// TrustedBrowser is one that needs no second factor.
type TrustedBrowser struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	IP    string     `json:"ip"`
	Seen  *time.Time `json:"seen"`
	Until *time.Time `json:"until"`
}

// setUp is the set-up of a second factor by the token of a grant: what is begun with it is seen and ended with it alone, not on the
// account page in the same session either.
func (c *caller) setUp() authn.SetUpBy {
	return authn.SetUpBy{User: c.User.ID, Place: c.Grant, By: c.by()}
}

func (d *Door) factorOperations(api huma.API) {
	operation(d, api, reads, op("list-ways-in", "GET", "/ways-in", "With what the person can sign in, and what they are asked for"), func(ctx context.Context, c *caller, _ *nothing) (*body[ExportWays], error) {
		w, err := exportWays(d.store.View(ctx), c.User.ID)
		return &body[ExportWays]{w}, err
	})
	operation(d, api, proves, op("begin-authenticator", "POST", "/authenticator", "Begin to set up an authenticator app, in the place of the one there is; it counts once a code of it is sent back"),
		func(ctx context.Context, c *caller, _ *nothing) (*body[authenticatorAnswer], error) {
			a, err := d.engine.BeginTOTP(ctx, c.setUp())
			return &body[authenticatorAnswer]{authenticatorAnswer{Secret: a.Key, URI: a.URI}}, err
		})
	operation(d, api, writes, op("confirm-authenticator", "POST", "/authenticator/confirm", "Turn the authenticator app on with a code of it"),
		func(ctx context.Context, c *caller, in *struct {
			Body struct {
				Code string `json:"code" maxLength:"32"`
			}
		}) (*body[recoveryAnswer], error) {
			if err := d.engine.ConfirmTOTP(ctx, c.visitor, c.setUp(), in.Body.Code); err != nil {
				return nil, err
			}
			return d.handOver(ctx, c)
		})
	operation(d, api, proves, op("remove-authenticator", "DELETE", "/authenticator", "Remove the authenticator app", http.StatusNoContent), func(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
		return nil, d.engine.RemoveTOTP(ctx, c.by(), c.User.ID)
	})
	operation(d, api, proves, op("new-recovery-codes", "POST", "/recovery-codes", "Make a new set of recovery codes; those before it work no more"), func(ctx context.Context, c *caller, _ *nothing) (*body[recoveryAnswer], error) {
		if err := d.engine.NewRecoveryCodes(ctx, c.setUp()); err != nil {
			return nil, err
		}
		return d.handOver(ctx, c)
	})
	operation(d, api, proves, op("prefer-second-factor", "PUT", "/second-factors/{method}", "Say whether a second factor is asked for at every sign-in, and before the others", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			Method string `path:"method" enum:"passkey,totp,code"`
			Body   struct {
				On        bool `json:"on"`
				Preferred bool `json:"preferred,omitempty"`
			}
		}) (*nothing, error) {
			return nil, d.engine.PreferSecondFactor(ctx, c.by(), c.User.ID, authn.Preference{Method: authn.Method(in.Method), On: in.Body.On, Preferred: in.Body.Preferred})
		})
	operation(d, api, reads, op("list-trusted-browsers", "GET", "/trusted-browsers", "Browsers that need no second factor, the one seen last first"), func(ctx context.Context, c *caller, _ *nothing) (*body[[]TrustedBrowser], error) {
		list := []TrustedBrowser{}
		all, err := d.engine.TrustedDevices(ctx, c.visitor, c.User.ID)
		for _, b := range all {
			list = append(list, TrustedBrowser{ID: b.ID.String(), Name: b.Name, IP: b.IP, Seen: stamp(b.Seen), Until: stamp(b.Until)})
		}
		return &body[[]TrustedBrowser]{list}, err
	})
	operation(d, api, writes, op("forget-trusted-browser", "DELETE", "/trusted-browsers/{id}", "Ask for the second factor in one browser again", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			ID string `path:"id"`
		}) (*nothing, error) {
			id, err := storage.ParseID(in.ID)
			if err != nil {
				return nil, nil // nobody's: it asks already
			}
			return nil, d.engine.ForgetTrustIn(ctx, c.by(), c.User.ID, id)
		})
	operation(d, api, writes, op("forget-trusted-browsers", "DELETE", "/trusted-browsers", "Ask for the second factor in every browser again", http.StatusNoContent), func(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
		return nil, d.engine.ForgetTrust(ctx, c.by(), c.User.ID)
	})
}

// handOver sends recovery codes, which from now on nobody sees any more: a set whose answer was lost is made anew.
func (d *Door) handOver(ctx context.Context, c *caller) (*body[recoveryAnswer], error) {
	codes, err := d.engine.UnsavedRecoveryCodes(ctx, c.setUp())
	if err != nil {
		return nil, err
	}
	if err := d.engine.SavedRecoveryCodes(ctx, c.setUp()); err != nil {
		return nil, err
	}
	return &body[recoveryAnswer]{recoveryAnswer{Codes: append([]string{}, codes...)}}, nil
}
