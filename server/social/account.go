package social

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
)

// account is one at a provider without ID tokens, that an access token opens.
type account struct {
	ctx    context.Context
	client *Client
	to     Connection
	end    endpoints
	token  *oauth2.Token
}

// get reads a document about the account. The token goes into the header, never into the address.
func (a account) get(address string, into any) error {
	r, err := http.NewRequestWithContext(a.ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token.AccessToken)
	r.Header.Set("Accept", "application/json")
	res, err := a.client.http.Do(r)
	if err != nil {
		return fmt.Errorf("read the account: %w", plain(err))
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the account was answered with %d", res.StatusCode)
	}
	if decode(text, into) != nil {
		return errors.New("the account is not JSON")
	}
	return nil
}

// githubEndpoints are those of github.com, or of a GitHub Enterprise Server at base.
func githubEndpoints(base string) endpoints {
	api := base + "/api/v3"
	if base == "" {
		base, api = "https://github.com", "https://api.github.com"
	}
	return endpoints{issuer: base, also: []string{base + "/login/oauth"}, authorize: base + "/login/oauth/authorize", token: base + "/login/oauth/access_token", profile: api + "/user"}
}

// readGitHub takes the primary address, which /user shows only to those who made it public, and which is verified or not
// (GitHub REST API, "Get the authenticated user", "List email addresses for the authenticated user").
func readGitHub(a account) (Identity, error) {
	var i Identity
	if err := a.get(a.end.profile, &i.Claims); err != nil {
		return Identity{}, err
	}
	i.Subject = number(i.Claims["id"])
	var addresses []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if err := a.get(a.end.profile+"/emails", &addresses); err != nil {
		return Identity{}, err
	}
	for _, m := range addresses {
		if m.Primary {
			i.Email, i.Verified = m.Email, m.Verified
		}
	}
	return i, nil
}

var discord = endpoints{issuer: "https://discord.com", authorize: "https://discord.com/oauth2/authorize", token: "https://discord.com/api/oauth2/token", profile: "https://discord.com/api/users/@me"}

// readDiscord reads the user object (Discord API, "Get Current User"): verified is about the address.
func readDiscord(a account) (Identity, error) {
	var i Identity
	if err := a.get(a.end.profile, &i.Claims); err != nil {
		return Identity{}, err
	}
	i.Subject, _ = i.Claims["id"].(string)
	i.Email, _ = i.Claims["email"].(string)
	i.Verified = i.Email != "" && i.Claims["verified"] == true
	if avatar, _ := i.Claims["avatar"].(string); avatar != "" {
		i.Claims["avatar_url"] = "https://cdn.discordapp.com/avatars/" + url.PathEscape(i.Subject) + "/" + url.PathEscape(avatar) + ".png"
	}
	return i, nil
}

var facebook = endpoints{issuer: "https://www.facebook.com", authorize: "https://www.facebook.com/dialog/oauth", token: "https://graph.facebook.com/oauth/access_token", profile: "https://graph.facebook.com/me"}

// readFacebook asks the Graph API, with the proof that the token is used by whoever knows the app's secret ("Securing Graph API
// Requests"). Facebook does not say whether an address is verified, so none is.
func readFacebook(a account) (Identity, error) {
	mac := hmac.New(sha256.New, []byte(a.to.Secret))
	mac.Write([]byte(a.token.AccessToken))
	query := url.Values{"fields": {"id,name,first_name,last_name,email"}, "appsecret_proof": {hex.EncodeToString(mac.Sum(nil))}}
	var i Identity
	if err := a.get(a.end.profile+"?"+query.Encode(), &i.Claims); err != nil {
		return Identity{}, err
	}
	i.Subject, _ = i.Claims["id"].(string)
	i.Email, _ = i.Claims["email"].(string)
	return i, nil
}

var amazon = endpoints{issuer: "https://www.amazon.com", authorize: "https://www.amazon.com/ap/oa", token: "https://api.amazon.com/auth/o2/token", profile: "https://api.amazon.com/user/profile"}

// readAmazon reads the customer profile (Login with Amazon, "Obtain Customer Profile Information"). It does not say whether the address
// is verified, so it is not.
func readAmazon(a account) (Identity, error) {
	var i Identity
	if err := a.get(a.end.profile, &i.Claims); err != nil {
		return Identity{}, err
	}
	i.Subject, _ = i.Claims["user_id"].(string)
	i.Email, _ = i.Claims["email"].(string)
	return i, nil
}

// number is an id that is a number, as it is written.
func number(id any) string {
	n, _ := id.(json.Number)
	text, _ := id.(string)
	return cmp.Or(n.String(), text)
}
