package admin

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/storage"
)

// Health is how the server is.
type Health struct {
	Status    string `json:"status" enum:"ok" doc:"Anything but ok is a problem document"`
	Version   string `json:"version"`
	PublicURL string `json:"public_url"`
	Issuer    string `json:"issuer"`
	Mail      string `json:"mail" enum:"inbox,ses,smtp" doc:"Where mail goes"`
	Listen    string `json:"listen" doc:"Address and port it listens on"`
	TLS       bool   `json:"tls" doc:"It speaks https itself there"`
}

type healthAnswer struct{ Body Health }

func (a *Admin) healthRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "health", Method: http.MethodGet, Path: "/api/v1/health", Summary: "Say how the server is"},
		func(ctx context.Context, _ *struct{}) (*healthAnswer, error) {
			// The database has to answer, or the server is not well.
			if err := a.deps.Store.Read(ctx, func(tx storage.Tx) error { _, err := tx.Version(); return err }); err != nil {
				return nil, err
			}
			return &healthAnswer{Health{Status: "ok", Version: a.cfg.Version, PublicURL: a.cfg.PublicURL.String(), Issuer: a.cfg.Issuer, Mail: a.cfg.Mail, Listen: a.cfg.Listen, TLS: a.cfg.TLS}}, nil
		})
}
