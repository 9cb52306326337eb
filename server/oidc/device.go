package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// deviceGrantType is the grant type of RFC 8628 §3.4.
const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

const (
	deviceLife    = 10 * time.Minute
	devicePause   = 5 * time.Second // between two questions of a device, and how much longer after one too soon (RFC 8628 §3.5)
	devicePrefix  = "gl_dc_"
	devicePath    = "/device"
	userLetters   = "BCDFGHJKLMNPQRSTVWXZ" // no vowels, so no words; nothing that looks like something else (RFC 8628 §6.1)
	userCodeSize  = 8
	userCodeTries = 5 // until a free one is found
)

// deviceAnswer is RFC 8628 §3.2.
type deviceAnswer struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
}

// deviceAuthorization answers a device that wants to be connected (RFC 8628 §3.1). A confidential client may leave its secret for
// the token endpoint, where it must come: golang.org/x/oauth2 sends none here.
func (p *Provider) deviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form, repeatable...) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	ctx := r.Context()
	c, err := p.deviceClient(ctx, r, form)
	if err != nil {
		return err
	}
	if !c.GetGrantTypes().Has(deviceGrantType) {
		return oauthError("unauthorized_client", "This client may not use the device grant: add its grant type to the application.")
	}
	if c.Disabled {
		return fromFosite(errClient)
	}
	resources, err := p.askedResources(ctx, c.Client, form["resource"])
	if err != nil {
		if storage.Away(err) {
			return err
		}
		return fromFosite(err)
	}
	scopes, strengths := c.known(form.Get("scope"), resources...), strings.Fields(form.Get("acr_values"))
	switch {
	case len(scopes) > maxScopes:
		return oauthError("invalid_scope", "The request asks for more scopes than one grant can have.")
	case len(form.Get("acr_values")) > 1000:
		return oauthError("invalid_request", "acr_values is longer than 1,000 characters.")
	}
	now, visitor := p.micros(), p.visitor(r)
	code := devicePrefix + secret.Token(32)
	row := storage.DeviceCode{Digest: secret.Hash(code), ClientID: c.ID, Scope: strings.Join(scopes, " "), Audience: audienceOf(resources), ACRValues: strings.Join(strengths, " "), Agent: visitor.Agent, IP: visitorIP(ctx),
		Created: now, Expires: now + deviceLife.Microseconds(), Pause: devicePause.Microseconds()}
	var typed string
	for range userCodeTries {
		typed = newUserCode()
		row.UserDigest = p.userDigest(typed)
		err = p.store.Write(ctx, func(tx storage.Tx) error {
			if err := p.engine.SpendDeviceCode(tx, visitor, now); err != nil {
				return err
			}
			return tx.InsertDeviceCode(row)
		})
		if !errors.Is(err, storage.ErrConflict) {
			break
		}
	}
	var many *authn.TooMany
	if errors.As(err, &many) {
		return &web.Error{Status: http.StatusTooManyRequests, Code: "slow_down", Message: "Too many devices ask to be connected. Try again later.", RetryAfter: many.Wait, Err: err}
	}
	if err != nil {
		return err
	}
	page := p.PublicURL.JoinPath(devicePath).String()
	return web.JSON(w, http.StatusOK, deviceAnswer{DeviceCode: code, UserCode: typed, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + typed,
		ExpiresIn: int64(deviceLife.Seconds()), Interval: int64(devicePause.Seconds())})
}

// deviceClient is the client of a device: named by its id alone, or authenticated as it wishes.
func (p *Provider) deviceClient(ctx context.Context, r *http.Request, form url.Values) (*client, error) {
	if len(r.Header.Values("Authorization")) > 0 || form.Has("client_secret") || form.Has("client_assertion") {
		c, err := p.authenticate(ctx, r, form)
		if storage.Away(err) {
			return nil, err
		}
		if err != nil {
			return nil, fromFosite(err)
		}
		return c.(*client), nil
	}
	c, err := p.cache.client(ctx, form.Get("client_id"))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fromFosite(errClient)
	}
	return c, err
}

// newUserCode makes a code to type: 20^8 of them, in two groups.
func newUserCode() string {
	b := make([]byte, userCodeSize)
	for i := range b {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userLetters))))
		if err != nil {
			panic(err) // crypto/rand never fails on a supported system
		}
		b[i] = userLetters[n.Int64()]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// userCode reads what somebody typed, forgiving: capitals, dashes, spaces and dots do not matter. "" if it cannot be a code.
func userCode(typed string) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if strings.ContainsRune("-–—_. \t\u00a0", r) {
			return -1
		}
		return r
	}, typed)
	if len(letters) != userCodeSize || strings.Trim(letters, userLetters) != "" {
		return ""
	}
	return letters[:4] + "-" + letters[4:]
}

func (p *Provider) userDigest(code string) []byte {
	return p.secrets.Digest("device", []byte(code))
}

// device shows the page that asks for the code; a code in the address is only filled in, and nothing looked up.
func (p *Provider) device(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	if web.Once(query) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	return p.showDevice(w, r, http.StatusOK, views.DevicePage{Code: userCode(query.Get("user_code"))})
}

func (p *Provider) showDevice(w http.ResponseWriter, r *http.Request, status int, page views.DevicePage) error {
	page.Frame = p.frame(r, nil, "")
	page.Here, page.Action = devicePath, devicePath
	if page.Code != "" {
		page.Here += "?" + url.Values{"user_code": {page.Code}}.Encode()
	}
	return web.Page(w, r, status, views.CSP(views.PageMayLeave), views.Device(page))
}

// enterDevice looks the code up and opens a flow in which the person signs in, to see what asks and to decide.
func (p *Provider) enterDevice(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	ctx, typed := r.Context(), form.Get("user_code")
	wrong := views.DevicePage{Code: typed[:min(len(typed), 40)], Wrong: true}
	code := userCode(typed)
	if code == "" {
		return p.showDevice(w, r, http.StatusUnprocessableEntity, wrong)
	}
	visitor := p.visitor(r)
	if visitor.Browser == "" {
		visitor.Browser = authn.NewBrowser()
		p.cookies.Set(w, "browser", visitor.Browser, browserLife)
	}
	row, c, err := p.typedDevice(ctx, visitor, code)
	if errors.Is(err, storage.ErrNotFound) {
		return p.showDevice(w, r, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	flow, err := p.engine.Begin(ctx, visitor, authn.Start{ClientID: row.ClientID, ReturnTo: devicePath + "/confirm", Request: url.Values{"user_code": {code}}.Encode(),
		Demands: authn.Demands{MaxAge: c.youngest(nil), ACRValues: strings.Fields(row.ACRValues)}})
	if err != nil {
		return err
	}
	to := "/sign-in"
	switch _, err = p.engine.Continue(ctx, visitor, flow.ID.String(), p.cookies.Get(r, "session")); {
	case err == nil:
		to = devicePath + "/confirm"
	case !errors.Is(err, authn.ErrSignIn):
		return err
	}
	return web.SeeOther(w, r, to+"?flow="+flow.ID.String())
}

// typedDevice finds the device whose code was typed and that waits for a decision; storage.ErrNotFound. Every code that is typed
// is counted before it is looked up, and a right one given back.
func (p *Provider) typedDevice(ctx context.Context, v authn.Visitor, code string) (storage.DeviceCode, *client, error) {
	var row storage.DeviceCode
	now, found := p.micros(), false
	err := p.store.Write(ctx, func(tx storage.Tx) error {
		found = false
		if err := p.engine.SpendDeviceGuess(tx, v, now); err != nil {
			return err
		}
		var err error
		if row, err = p.waitingDevice(tx, code); errors.Is(err, storage.ErrNotFound) {
			return nil // the guess counts
		}
		if err != nil {
			return err
		}
		found = true
		return p.engine.ReturnDeviceGuess(tx, v)
	})
	if err == nil && !found {
		err = storage.ErrNotFound
	}
	if err != nil {
		return row, nil, err
	}
	c, err := p.cache.client(ctx, row.ClientID)
	return row, c, err
}

// waitingDevice is the device with that user code, if nobody has decided about it and its time is not over.
func (p *Provider) waitingDevice(tx storage.Tx, code string) (storage.DeviceCode, error) {
	row, err := tx.DeviceByUserCode(p.userDigest(code))
	if err == nil && (row.Decision != "" || row.SpentAt > 0 || row.Expires <= p.micros()) {
		err = storage.ErrNotFound
	}
	return row, err
}

// deviceStep is a person who has signed in to decide about a device.
type deviceStep struct {
	flow      storage.Flow
	live      *authn.Live
	code      string
	row       storage.DeviceCode
	client    *client
	resources []storage.Resource
}

// deviceStep finds what a flow is about. Where somebody has still to sign in, or the code is over, the browser is sent there and nil returned.
func (p *Provider) deviceStep(w http.ResponseWriter, r *http.Request, id string) (*deviceStep, error) {
	ctx := r.Context()
	flow, demands, err := p.engine.Flow(ctx, id, p.cookies.Get(r, "browser"))
	if err != nil {
		return nil, err
	}
	request, err := url.ParseQuery(flow.Request)
	if err != nil {
		return nil, err
	}
	if flow.ReturnTo != devicePath+"/confirm" {
		return nil, authn.ErrFlowGone
	}
	if flow.Answered > 0 {
		return nil, web.SeeOther(w, r, devicePath)
	}
	live, err := p.engine.Session(ctx, p.cookies.Get(r, "session"))
	if err != nil {
		return nil, err
	}
	s := &deviceStep{flow: flow, live: live, code: request.Get("user_code")}
	s.row, err = p.waitingDevice(p.store.View(ctx), s.code)
	if err == nil {
		s.client, err = p.cache.client(ctx, s.row.ClientID)
	}
	if err == nil {
		s.resources, err = p.askedResources(ctx, s.client.Client, strings.Fields(s.row.Audience))
	}
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, errTarget) { // the code, the client or an API is gone by now
		return nil, p.showDevice(w, r, http.StatusGone, views.DevicePage{Over: true})
	}
	if err != nil {
		return nil, err
	}
	step := authn.Next(&flow, demands, live, s.client.Client, p.micros())
	if step == authn.StepNoAccess {
		return nil, &pageError{kind: views.ErrorNoAccess, client: &s.client.Client, why: &web.Error{Status: http.StatusForbidden, Code: "access_denied"}}
	}
	if live == nil || flow.Finished == 0 || flow.SessionID != live.Session.ID || step != authn.StepDone {
		return nil, web.SeeOther(w, r, "/sign-in?flow="+flow.ID.String())
	}
	return s, nil
}

// confirmDevice shows what asks to be connected: a person who was sent a code by somebody else must be able to tell (RFC 8628 §5.4).
func (p *Provider) confirmDevice(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := p.deviceStep(w, r, query.Get("flow"))
	if err != nil || s == nil {
		return err
	}
	tx, c := p.store.View(r.Context()), s.client
	address, err := tx.PrimaryEmail(s.live.User.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	page := views.DeviceConfirmPage{Frame: p.frame(r, &c.Client, ""), Action: devicePath + "/confirm", Fields: []views.Field{{Name: "flow", Value: s.flow.ID.String()}},
		Code: s.code, Device: authn.Device(s.row.Agent), IP: s.row.IP, Person: views.Person{Name: s.live.User.Name, Address: address.Typed}, Unchecked: c.Unchecked()}
	if !c.FirstParty() {
		x, err := p.engine.Experience(r.Context())
		if err != nil {
			return err
		}
		page.Scopes = shownScopes(page.Frame, x, s.live, address, c.Client, strings.Fields(s.row.Scope))
		for _, r := range s.resources {
			page.Scopes = append(page.Scopes, shownResource(r, strings.Fields(s.row.Scope))...)
		}
	}
	if c.Unchecked() {
		page.Days = uncheckedDays
	}
	page.Here = devicePath + "/confirm?flow=" + s.flow.ID.String()
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageMayLeave), views.DeviceConfirm(page))
}

// decideDevice takes the answer: the grant, what was allowed, the end of the flow and the device's code are one write. From now
// on the device code belongs to this person.
func (p *Provider) decideDevice(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	s, err := p.deviceStep(w, r, form.Get("flow"))
	if err != nil || s == nil {
		return err
	}
	ctx, now, c, user := r.Context(), p.micros(), s.client, s.live.User
	event := storage.Event{ID: storage.NewID(), Kind: storage.EventDeviceDenied, Actor: "user:" + user.ID.String(), UserID: user.ID, ClientID: c.ID, IP: visitorIP(ctx)}
	grant := storage.Grant{ID: storage.NewID(), ClientID: c.ID, UserID: user.ID, SessionID: s.live.Session.ID, Secret: secret.Random(16), Scope: s.row.Scope, Audience: s.row.Audience, Claims: wishes{ACR: strings.Fields(s.row.ACRValues)}.encode(),
		AuthTime: s.live.Session.AuthTime, AMR: s.live.Session.AMR, ACR: s.live.Session.ACR, CodeExpires: s.row.Expires, Expires: s.row.Expires + lateReuse.Microseconds()}
	decision, done := "denied", "0"
	switch form.Get("decision") {
	case "allow":
		decision, done, event.Kind = "allowed", "1", storage.EventDeviceAllowed
	case "deny":
		grant.ID = storage.ID{}
	default:
		return oauthError("invalid_request", "decision must be allow or deny.")
	}
	given := p.consentTo(c, user.ID, permissionsOf(strings.Fields(s.row.Scope), s.resources))
	err = p.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.AnswerFlow(s.flow.ID, now); err != nil {
			return err
		}
		if err := tx.DecideDeviceCode(s.row.Digest, decision, grant.ID, now); err != nil {
			return err
		}
		if decision == "allowed" {
			if err := insertGrant(tx, grant, now); err != nil {
				return err
			}
			if !c.FirstParty() {
				if err := giveConsent(tx, given, event.IP); err != nil {
					return err
				}
			}
		}
		return tx.InsertEvent(event)
	})
	if errors.Is(err, storage.ErrSpent) {
		return p.showDevice(w, r, http.StatusGone, views.DevicePage{Over: true})
	}
	if err != nil {
		return err
	}
	return web.SeeOther(w, r, devicePath+"/done?connected="+done)
}

// deviceDone says how it ended. The page knows nothing: what counts is what was written before it.
func (p *Provider) deviceDone(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	if web.Once(query) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	page := views.DeviceDonePage{Frame: p.frame(r, nil, ""), Connected: query.Get("connected") == "1"}
	page.Here = devicePath + "/done?connected=" + map[bool]string{true: "1", false: "0"}[page.Connected]
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageStays), views.DeviceDone(page))
}
