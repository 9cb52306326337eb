package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// CognitoKey is a key with which programs sign their calls of the Cognito API, as the API shows it.
type CognitoKey struct {
	ID       string     `json:"access_key_id"`
	Name     string     `json:"name"`
	Created  *time.Time `json:"created"`
	LastUsed *time.Time `json:"last_used" doc:"To the hour; null: never"`
}

// CognitoKeyWithSecret is the answer to the call that makes a key: the only time its secret can be seen.
type CognitoKeyWithSecret struct {
	CognitoKey
	Secret   string `json:"secret_access_key" doc:"Shown this once"`
	Region   string `json:"region"`
	PoolID   string `json:"user_pool_id"`
	Endpoint string `json:"endpoint"`
}

// NewCognitoKey is what it takes to make a key.
type NewCognitoKey struct {
	Name string `json:"name" minLength:"1" maxLength:"100" doc:"What it is for"`
}

// cognitoKeyPrefix tells our keys from Amazon's, which begin with AKIA.
const cognitoKeyPrefix = "GLAK"

type (
	cognitoKeyAnswer struct{ Body CognitoKeyWithSecret }
	cognitoKeyList   struct {
		Body struct {
			Keys []CognitoKey `json:"keys"`
		}
	}
	cognitoKeyPath struct {
		ID string `path:"id"`
	}
)

func (a *Admin) cognitoKeyRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-cognito-keys", Method: http.MethodGet, Path: "/api/v1/cognito/keys", Summary: "List the keys that sign calls of the Cognito API, the oldest first"},
		func(ctx context.Context, _ *struct{}) (*cognitoKeyList, error) {
			out := &cognitoKeyList{}
			out.Body.Keys = []CognitoKey{}
			keys, err := a.deps.Store.View(ctx).SignatureKeys()
			for _, k := range keys {
				out.Body.Keys = append(out.Body.Keys, showCognitoKey(k))
			}
			return out, err
		})
	operation(a, api, huma.Operation{OperationID: "create-cognito-key", Method: http.MethodPost, Path: "/api/v1/cognito/keys", DefaultStatus: http.StatusCreated,
		Summary: "Make a key with which programs manage people through the Cognito API"},
		func(ctx context.Context, in *struct{ Body NewCognitoKey }) (*cognitoKeyAnswer, error) {
			made, err := a.createCognitoKey(ctx, in.Body.Name)
			return &cognitoKeyAnswer{made}, err
		})
	operation(a, api, huma.Operation{OperationID: "delete-cognito-key", Method: http.MethodDelete, Path: "/api/v1/cognito/keys/{id}", Summary: "Delete a key: nothing it signs counts any more"},
		func(ctx context.Context, in *cognitoKeyPath) (*struct{}, error) {
			return nil, a.deleteCognitoKey(ctx, in.ID)
		})
}

func (a *Admin) createCognitoKey(ctx context.Context, name string) (CognitoKeyWithSecret, error) {
	name = strings.TrimSpace(name)
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return CognitoKeyWithSecret{}, refuse(422, "A key needs a name of one line: what it is for.")
	}
	id, key := cognitoKeyPrefix+rand.Text()[:16], secret.Token(30)
	row := storage.SignatureKey{ID: id, Name: name, Sealed: a.deps.SealCognitoKey(id, key), Created: a.now()}
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.InsertSignatureKey(row); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSigKeyCreated, Actor: actor, Detail: id})
	})
	region, _, _ := strings.Cut(a.cfg.PoolID, "_")
	return CognitoKeyWithSecret{showCognitoKey(row), key, region, a.cfg.PoolID, a.cfg.PublicURL.JoinPath("cognito").String()}, err
}

func (a *Admin) deleteCognitoKey(ctx context.Context, id string) error {
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.DeleteSignatureKey(id); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSigKeyDeleted, Actor: actor, Detail: id})
	})
	if errors.Is(err, storage.ErrNotFound) {
		return refuse(404, "There is no key %q. `gatelatch cognito-key list` shows them all.", id)
	}
	return err
}

func showCognitoKey(k storage.SignatureKey) CognitoKey {
	return CognitoKey{ID: k.ID, Name: k.Name, Created: moment(k.Created), LastUsed: moment(k.LastUsed)}
}
