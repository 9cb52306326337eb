package signin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// passkeyRoutes mounts what passkeys need. GETs answer scripts with a fresh question as JSON, but for the offer, which is a page.
func (d *Door) passkeyRoutes(mux *http.ServeMux, edge web.Edge) {
	for route, h := range map[string]web.Handler{
		"GET /sign-in/passkey":               d.page(d.passkeyOptions),
		"POST /sign-in/passkey":              d.form(d.postPasskey),
		"GET /sign-in/protect/passkey":       d.page(d.newPasskeyOptions),
		"POST /sign-in/protect/passkey":      d.form(d.postNewPasskey),
		"GET /sign-in/passkey-offer":         d.page(d.passkeyOffer),
		"POST /sign-in/passkey-offer":        d.form(d.postOffer),
		"GET /sign-in/passkey-offer/options": d.page(d.offerOptions),
		"GET /.well-known/webauthn":          d.page(d.relatedOrigins),
	} {
		mux.Handle(route, edge.Handle(h))
	}
}

// askPasskey is how a page of a flow asks for a passkey to begin the sign-in with; the zero value where none can.
func (d *Door) askPasskey(s *step) (views.PasskeySignIn, error) {
	x, err := d.engine.Experience(s.r.Context())
	if err != nil || !x.MayBegin(s.client, authn.MethodPasskey) {
		return views.PasskeySignIn{}, err
	}
	if !authn.PasskeysWork(d.cfg.PublicURL) {
		return views.PasskeySignIn{NeedsHTTPS: true}, nil
	}
	options, err := d.engine.AskPasskey(s.r.Context(), authn.Ceremony{Browser: s.visitor.Browser, Flow: s.flow.ID})
	if err != nil {
		return views.PasskeySignIn{}, err
	}
	p := s.passkey
	p.Ask = &views.PasskeyAsk{Action: "/sign-in/passkey", Flow: s.flow.ID.String(), Options: string(options), Again: at("/sign-in/passkey", s.flow.ID.String())}
	return p, nil
}

// askSecondPasskey asks whoever has begun to sign in for one of their passkeys.
func (d *Door) askSecondPasskey(s *second, p views.PasskeySignIn) (views.PasskeySignIn, error) {
	p.Alone, p.NeedsHTTPS = true, !authn.PasskeysWork(d.cfg.PublicURL)
	options, err := d.engine.AskPasskey(s.r.Context(), authn.Ceremony{Browser: s.visitor.Browser, Flow: s.flow.ID, User: s.user.ID})
	if err != nil {
		return views.PasskeySignIn{}, err
	}
	flow := s.flow.ID.String()
	p.Ask = &views.PasskeyAsk{Action: "/sign-in/passkey", Flow: flow, Options: string(options), Again: at("/sign-in/passkey", flow) + "&way=" + string(views.FactorPasskey)}
	return p, nil
}

// passkeyOptions is a fresh question to an authenticator, for a page that was open for long. way says that the page asks for a second factor.
func (d *Door) passkeyOptions(v *visit) error {
	f, _, err := d.engine.Flow(v.r.Context(), v.flow, v.visitor.Browser)
	if err != nil {
		return err
	}
	c := authn.Ceremony{Browser: v.visitor.Browser, Flow: f.ID}
	if views.Factor(v.in.Get("way")) == views.FactorPasskey {
		user, standing, err := d.engine.Standing(v.r.Context(), v.visitor, v.flow)
		if err != nil {
			return err
		}
		if !slices.Contains(standing.Offers(), authn.MethodPasskey) {
			return authn.ErrSignIn
		}
		c.User = user.ID
	}
	return d.sendOptions(v)(d.engine.AskPasskey(v.r.Context(), c))
}

// sendOptions answers a script.
func (d *Door) sendOptions(v *visit) func([]byte, error) error {
	return func(options []byte, err error) error {
		if err != nil {
			return err
		}
		return web.JSON(v.w, http.StatusOK, json.RawMessage(options))
	}
}

// postPasskey checks what the authenticator has answered, to either page that asks for one.
func (d *Door) postPasskey(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		in, err := d.engine.CheckPasskey(v.r.Context(), v.visitor, authn.PasskeyAnswer{
			Flow: v.flow, Credential: []byte(v.in.Get("credential")), Remember: v.in.Get("device") == "1", Trust: v.in.Get("trust") == "1", Cookie: d.session(v)})
		switch {
		case err == nil:
			return d.signedIn(v, in)
		case errors.Is(err, authn.ErrFlowDone):
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		case errors.Is(err, authn.ErrFlowGone):
			return d.gone(v)
		}
		if s.passkey.Trouble, s.passkey.Forget, err = d.passkeyTrouble(err); err != nil {
			return err
		}
		if views.Factor(v.in.Get("way")) == views.FactorPasskey {
			return d.inSecond(v, func(s2 *second) error {
				return d.showSecond(s2, http.StatusUnprocessableEntity, authn.MethodPasskey, views.SecondFactorPage{Passkey: s.passkey})
			})
		}
		return d.showSignIn(s, http.StatusUnprocessableEntity, views.SignInPage{Email: s.flow.Login})
	})
}

// passkeyTrouble translates why a passkey proved nothing. err is what is no trouble of a passkey.
func (d *Door) passkeyTrouble(why error) (trouble views.PasskeyTrouble, forget string, err error) {
	var p *authn.PasskeyError
	switch {
	case errors.Is(why, authn.ErrPasskeyGone):
		return views.PasskeyLate, "", nil
	case !errors.As(why, &p):
		return 0, "", why
	case p.Reason == authn.PasskeyUnknown:
		forget, err := json.Marshal(map[string]string{"rpId": d.cfg.PublicURL.Hostname(), "credentialId": base64.RawURLEncoding.EncodeToString(p.Credential)})
		return views.PasskeyUnknown, string(forget), err
	case p.Reason == authn.PasskeyTaken:
		return views.PasskeyTaken, "", nil
	case p.Reason == authn.PasskeyFull:
		return views.PasskeyFull, "", nil
	}
	return views.PasskeyFailed, "", nil
}

// relatedOrigins tells browsers which other sites may use the passkeys of this server (WebAuthn Level 3 §5.11.1).
func (d *Door) relatedOrigins(v *visit) error {
	origins := d.engine.RelatedOrigins()
	if len(origins) == 0 {
		return &web.Error{Status: http.StatusNotFound, Code: "not_found", Err: errors.New("no other origin may use the passkeys of this server")}
	}
	own := d.cfg.PublicURL.Scheme + "://" + d.cfg.PublicURL.Host
	return web.JSON(v.w, http.StatusOK, map[string][]string{"origins": slices.Concat([]string{own}, origins)})
}
