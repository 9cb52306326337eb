package oidc

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// uncheckedDays is how long people allow an application that nobody of this server has looked at, and its grants live.
const uncheckedDays = 30

// Where a person is asked. The page belongs to a flow of their browser that has ended in their session.
const consentPath = "/consent"

// mustAsk reports whether a person has to be asked before a client gets what it asks for: never for an application of the
// server's own, also with prompt=consent (the Logto SDKs always send it); for another one, when the request demands it,
// or it wants more than was allowed before, or what was allowed has ended.
func (p *Provider) mustAsk(ctx context.Context, c *client, user storage.ID, scopes []string, d authn.Demands) (bool, error) {
	if c.FirstParty() {
		return false, nil
	}
	if d.Prompts("consent") {
		return true, nil
	}
	given, err := p.store.View(ctx).Consent(user, c.ID, p.micros())
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return !covers(given.Scopes, scopes), err
}

func covers(given, asked []string) bool {
	return !slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(given, s) })
}

// askConsent sends a browser whose person is signed in already to the question: its flow ends at once in the session that lives.
func (p *Provider) askConsent(w http.ResponseWriter, r *http.Request, a *authorizeRequest, v authn.Visitor) error {
	flow, err := p.engine.Begin(r.Context(), v, p.start(a))
	if err != nil {
		return err
	}
	if _, err = p.engine.Continue(r.Context(), v, flow.ID.String(), p.cookies.Get(r, "session")); err != nil && !errors.Is(err, authn.ErrSignIn) {
		return err
	}
	return web.SeeOther(w, r, consentPath+"?flow="+flow.ID.String())
}

// consent shows the question.
func (p *Provider) consent(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	return p.refused(w, r, p.showConsent(w, r, query.Get("flow")))
}

func (p *Provider) showConsent(w http.ResponseWriter, r *http.Request, id string) error {
	s, err := p.resumed(w, r, id)
	if err != nil || s == nil {
		return err
	}
	page, err := p.consentPage(r, s.request, s.live)
	if err != nil {
		return err
	}
	page.Fields = []views.Field{{Name: "flow", Value: s.flow.ID.String()}}
	page.Here = consentPath + "?flow=" + s.flow.ID.String()
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageMayLeave), views.Consent(page))
}

// decide takes the answer. It counts only from the browser of the flow and for the session the question was asked in.
func (p *Provider) decide(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	return p.refused(w, r, p.decided(w, r, form))
}

func (p *Provider) decided(w http.ResponseWriter, r *http.Request, form url.Values) error {
	s, err := p.resumed(w, r, form.Get("flow"))
	if err != nil || s == nil {
		return err
	}
	ctx, c := r.Context(), s.request.client
	switch form.Get("decision") {
	case "allow":
		given := p.consentTo(c, s.live.User.ID, s.request.permissions())
		return p.answer(w, r, s.request, s.live, s.flow.ID, &given)
	case "switch":
		return p.switchPerson(w, r, s)
	case "deny":
	default:
		return oauthError("invalid_request", "decision must be allow or deny.")
	}
	err = p.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.AnswerFlow(s.flow.ID, p.micros()); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventConsentRefused, Actor: "user:" + s.live.User.ID.String(), UserID: s.live.User.ID, ClientID: c.ID, IP: visitorIP(ctx)})
	})
	if errors.Is(err, storage.ErrSpent) {
		return p.again(w, r, s.request.asked) // the flow was answered a moment ago
	}
	if err != nil {
		return err
	}
	return s.request.refuse("access_denied", "The person did not allow it.")
}

// switchPerson is "Not you?": the same request begins again with the question who is there.
func (p *Provider) switchPerson(w http.ResponseWriter, r *http.Request, s *resumption) error {
	again := p.start(s.request)
	again.Demands.Prompt = append(slices.Clone(again.Demands.Prompt), "select_account")
	again.Demands.LoginHint = ""
	flow, err := p.engine.Begin(r.Context(), p.visitor(r), again)
	if err != nil {
		return err
	}
	return web.SeeOther(w, r, "/sign-in?flow="+flow.ID.String())
}

// consentTo is what a person allows a client with this answer.
func (p *Provider) consentTo(c *client, user storage.ID, scopes []string) storage.Consent {
	now := p.micros()
	given := storage.Consent{UserID: user, ClientID: c.ID, Scopes: slices.Sorted(slices.Values(scopes)), Created: now, Updated: now}
	if c.Unchecked() {
		given.Expires = now + (uncheckedDays * 24 * time.Hour).Microseconds()
	}
	return given
}

// giveConsent writes an answer down, in the transaction of the grant made of it. What was allowed before stays allowed, unless
// it ends by itself: nobody lengthens what they have not been shown.
func giveConsent(tx storage.Tx, given storage.Consent, ip string) error {
	if given.Expires == 0 {
		before, err := tx.Consent(given.UserID, given.ClientID, given.Updated)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		given.Scopes = append(slices.Clone(given.Scopes), before.Scopes...)
		slices.Sort(given.Scopes)
		given.Scopes = slices.Compact(given.Scopes)
	}
	if err := tx.PutConsent(given); err != nil {
		return err
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventConsentGiven, Actor: "user:" + given.UserID.String(), UserID: given.UserID, ClientID: given.ClientID,
		IP: ip, Detail: strings.Join(given.Scopes, " ")})
}

// consentPage is what the person has to know, with the values the client would see.
func (p *Provider) consentPage(r *http.Request, a *authorizeRequest, live *authn.Live) (views.ConsentPage, error) {
	tx, c := p.store.View(r.Context()), a.client
	address, err := tx.PrimaryEmail(live.User.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return views.ConsentPage{}, err
	}
	page := views.ConsentPage{Frame: p.frame(r, &c.Client, a.demands.UILocales), Action: consentPath, Person: views.Person{Name: live.User.Name, Address: address.Typed},
		PolicyURL: c.Settings.PolicyURL, TermsURL: c.Settings.TermsURL}
	x, err := p.engine.Experience(r.Context())
	if err != nil {
		return views.ConsentPage{}, err
	}
	page.Scopes = shownScopes(page.Frame, x, live, address, c.Client, a.opens())
	for _, r := range a.resources {
		page.Scopes = append(page.Scopes, shownResource(r, a.scopes)...)
	}
	page.ReturnHost, page.ReturnHere, page.ReturnApp = returnsTo(a.redirectURI)
	if c.Unchecked() {
		page.Unchecked, page.Days, page.PublishedAt = true, uncheckedDays, publishedAt(c.Client)
	} else if !page.ReturnHere && !page.ReturnApp {
		page.AskedBy = page.ReturnHost
	}
	return page, nil
}

// returnsTo tells where a redirect URI leads, as a person can judge it.
func returnsTo(uri string) (host string, here, app bool) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", false, false
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return u.Scheme, false, true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname(), err == nil && ip.IsLoopback() || u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost"), false
}

// ownLines name what a scope tells of this server's own attributes, each by its label and with the person's value, if they have said one.
func ownLines(frame views.Frame, x authn.Experience, u storage.User, scope string) []string {
	var lines []string
	c := frame.Words
	known := authn.OwnAttributesOf(u)
	for _, f := range x.Attributes {
		if told, _ := f.Told(); !f.Own() || told != scope {
			continue
		}
		line, value := cmp.Or(f.Label(c.Lang()), f.Name), f.Text(known[f.Name], c.Lang())
		if said, is := known[f.Name].(bool); is {
			value = c.T(map[bool]string{true: "details.yes", false: "details.no"}[said])
		}
		if value != "" {
			line += ": " + value
		}
		lines = append(lines, line)
	}
	return lines
}

// shownScopes are the lines of the page: what each scope opens, with the person's own values.
func shownScopes(frame views.Frame, x authn.Experience, live *authn.Live, e storage.Email, c storage.Client, scopes []string) []views.ConsentScope {
	var lines []views.ConsentScope
	for _, s := range []struct {
		scope string
		kind  views.ScopeKind
	}{{"profile", views.ScopeProfile}, {"email", views.ScopeEmail}, {"address", views.ScopeAddress}, {"phone", views.ScopePhone}, {"groups", views.ScopeGroups}, {"offline_access", views.ScopeOffline}} {
		if slices.Contains(scopes, s.scope) {
			lines = append(lines, views.ConsentScope{Kind: s.kind, Detail: detailOf(personClaims(live.User, live.Groups, e, c, []string{s.scope}), ownLines(frame, x, live.User, s.scope)...)})
		}
	}
	for _, s := range []struct {
		scope string
		kind  views.ScopeKind
	}{{ScopeAccount, views.ScopeAccount}, {ScopeAccountWrite, views.ScopeAccountWrite}} {
		if slices.Contains(scopes, s.scope) {
			lines = append(lines, views.ConsentScope{Kind: s.kind})
		}
	}
	if len(lines) == 0 {
		lines = append(lines, views.ConsentScope{Kind: views.ScopeIdentity})
	}
	return lines
}

// shownResource are the lines of an API: a sentence for each scope that is asked for, or that it is used at all.
func shownResource(r storage.Resource, scopes []string) []views.ConsentScope {
	var lines []views.ConsentScope
	for _, s := range r.Scopes {
		if slices.Contains(scopes, s.Name) {
			lines = append(lines, views.ConsentScope{Kind: views.ScopeOther, Title: cmp.Or(s.Description, s.Name), Detail: r.Name})
		}
	}
	if len(lines) == 0 {
		lines = append(lines, views.ConsentScope{Kind: views.ScopeOther, Title: r.Name})
	}
	return lines
}

// detailOf puts the values of claims, and what more there is, into one line, each once.
func detailOf(claims map[string]any, more ...string) string {
	var values []string
	add := func(value any) {
		text, _ := value.(string)
		if text = strings.Join(strings.Fields(text), " "); text != "" && !slices.Contains(values, text) {
			values = append(values, text)
		}
	}
	add(claims["email"])
	if groups, told := claims["groups"].([]string); told {
		add(strings.Join(groups, ", "))
	}
	address, _ := claims["address"].(map[string]any)
	for _, a := range authn.Attributes {
		if _, member, nested := strings.Cut(a.Name, "."); nested {
			add(address[member])
		} else {
			add(claims[a.Name])
		}
	}
	for _, text := range more {
		add(text)
	}
	return strings.Join(values, " · ")
}
