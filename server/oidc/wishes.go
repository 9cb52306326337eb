package oidc

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/ory/fosite"

	"gatelatch/server/authn"
	"gatelatch/server/jose"
	"gatelatch/storage"
)

// maxClaims bounds the claims parameter, in bytes.
const maxClaims = 4 << 10

// wishes are what a request asks for beyond its scopes: claims by name (OpenID Connect Core §5.5) and strengths of the sign-in.
// They are kept in the grant, because they hold for all its tokens.
type wishes struct {
	IDToken  []string `json:"i,omitempty"`
	Userinfo []string `json:"u,omitempty"`
	ACR      []string `json:"a,omitempty"`
}

// encode writes wishes as compactly as they are kept; "" for none.
func (w wishes) encode() string {
	if len(w.IDToken)+len(w.Userinfo)+len(w.ACR) == 0 {
		return ""
	}
	b, err := json.Marshal(w)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}

// wishesOf reads what a grant keeps of its request.
func wishesOf(g storage.Grant) wishes {
	var w wishes
	if g.Claims != "" {
		_ = json.Unmarshal([]byte(g.Claims), &w) // written by encode
	}
	return w
}

// acr is the strength to tell the client: the first it asked for that the sign-in fulfils, or else what the sign-in is.
func (w wishes) acr(g storage.Grant) string {
	for _, want := range w.ACR {
		if authn.Fulfils(g.ACR, want) {
			return want
		}
	}
	return g.ACR
}

// claimScopes are the scopes that the claims about a person belong to (Core §5.4). Only these, and those of this server's own attributes,
// can be asked for by name.
var claimScopes = func() map[string]string {
	scopes := map[string]string{"updated_at": "profile", "email": "email", "email_verified": "email"}
	maps.Copy(scopes, attributeScopes)
	return scopes
}()

// addWished adds the claims that were asked for by name, as far as there is anything to tell.
func addWished(claims map[string]any, wished []string, u storage.User, e storage.Email, c storage.Client) {
	if len(wished) == 0 {
		return
	}
	all := personClaims(u, nil, e, c, fosite.Arguments{"profile", "email", "address", "phone"})
	for _, name := range wished {
		if value, there := all[name]; there {
			claims[name] = value
		}
	}
}

// claimRequest is one member of the claims parameter: null, or how much the claim matters and which values will do (Core §5.5.1).
type claimRequest struct {
	essential bool
	values    []string // of value and values, those that are strings
}

// checkWishes reads the claims parameter. It comes after the other demands and sharpens them.
func (a *authorizeRequest) checkWishes() error {
	a.wishes.ACR = slices.Clone(a.demands.ACRValues)
	text := a.params.Get("claims")
	if text == "" {
		return a.checkStrength()
	}
	userinfo, idToken, err := parseClaims(text)
	if err != nil {
		return a.refuse("invalid_request", "The claims parameter is not right: "+err.Error()+".")
	}
	a.wishes.Userinfo, a.wishes.IDToken = a.tellable(userinfo), a.tellable(idToken)
	if acr, asked := idToken["acr"]; asked {
		a.wishes.ACR = append(slices.Clone(acr.values), a.wishes.ACR...)
		if acr.essential {
			a.demands.RequiredACR = acr.values
		} else {
			a.demands.ACRValues = a.wishes.ACR
		}
	}
	for _, member := range []map[string]claimRequest{userinfo, idToken} {
		if sub := member["sub"]; len(sub.values) > 0 {
			if len(sub.values) > 1 || a.hint != "" && a.hint != sub.values[0] {
				return a.refuse("invalid_request", "The request names more than one person.")
			}
			a.hint = sub.values[0] // Core §5.5.1: for anybody else no token may come back
		}
	}
	return a.checkStrength()
}

// checkStrength refuses at once what nobody here can fulfil (OpenID Connect Core Error Code unmet_authentication_requirements 1.0).
func (a *authorizeRequest) checkStrength() error {
	required := a.client.Settings.RequiredACR
	if len(a.demands.RequiredACR) > 0 && !authn.Reachable(a.demands.RequiredACR) || required != "" && !authn.Reachable([]string{required}) {
		return a.refuse("unmet_authentication_requirements", "Nobody can sign in here as strongly as is asked for.")
	}
	return nil
}

// tellable are the claims of a member that there are, in order, as far as the application may ask for their scopes. Whoever has
// to be asked is asked about these scopes, too.
func (a *authorizeRequest) tellable(member map[string]claimRequest) []string {
	var names []string
	for name := range member {
		if scope := a.scopeOf(name); scope != "" && mayAsk(a.client.Client, scope) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// scopeOf is the scope that a claim about a person belongs to; "" for what is none.
func (a *authorizeRequest) scopeOf(claim string) string {
	return cmp.Or(claimScopes[claim], a.own[claim])
}

// opens are the scopes whose claims the request asks for, by scope or by name.
func (a *authorizeRequest) opens() []string {
	scopes := slices.Clone(a.scopes)
	for _, name := range slices.Concat(a.wishes.IDToken, a.wishes.Userinfo) {
		if scope := a.scopeOf(name); !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

func parseClaims(text string) (userinfo, idToken map[string]claimRequest, err error) {
	if len(text) > maxClaims {
		return nil, nil, errors.New("it is longer than 4 KiB")
	}
	top, err := jose.Object([]byte(text))
	if err != nil {
		return nil, nil, errors.New("it is not a JSON object with each member once")
	}
	if userinfo, err = parseMember(top["userinfo"]); err != nil {
		return nil, nil, err
	}
	idToken, err = parseMember(top["id_token"])
	return userinfo, idToken, err
}

func parseMember(text json.RawMessage) (map[string]claimRequest, error) {
	if text == nil || string(text) == "null" {
		return nil, nil
	}
	members, err := jose.Object(text)
	if err != nil {
		return nil, errors.New("userinfo and id_token must be JSON objects with each member once")
	}
	out := make(map[string]claimRequest, len(members))
	for name, text := range members {
		var r *struct {
			Essential bool              `json:"essential"`
			Value     json.RawMessage   `json:"value"`
			Values    []json.RawMessage `json:"values"`
		}
		if json.Unmarshal(text, &r) != nil {
			return nil, errors.New("a claim must be null or an object with essential, value or values")
		}
		c := claimRequest{}
		if r != nil {
			c.essential = r.Essential
			for _, v := range append([]json.RawMessage{r.Value}, r.Values...) {
				if s, ok := jose.Text(v); ok {
					c.values = append(c.values, s)
				}
			}
		}
		out[name] = c
	}
	return out, nil
}
