package server

import (
	"net/http"

	"gatelatch/server/account"
	"gatelatch/server/oidc"
)

// bearer is what the account API needs of the door that mints tokens.
func bearer(p *oidc.Provider) func(http.ResponseWriter, *http.Request) (account.Bearer, error) {
	return func(w http.ResponseWriter, r *http.Request) (account.Bearer, error) {
		b, err := p.Bearer(w, r)
		return account.Bearer{User: b.User, Client: b.Client, Grant: b.Grant, Session: b.Session, Scopes: b.Scopes, AuthTime: b.AuthTime, ACR: b.ACR}, err
	}
}
