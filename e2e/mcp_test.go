package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"
)

// mcp starts a server that an MCP server trusts: for applications nobody entered, whose API is the MCP server.
func mcp(t *testing.T, more settings) (s *server, environment map[string]any) {
	t.Helper()
	notes := fmt.Sprintf("http://localhost:%d/mcp", freePort(t))
	all := settings{"resources": []application{{"resource": notes, "name": "Notes", "scopes": []string{"notes:read Read your notes"}, "unchecked_apps": true}}}
	for key, value := range more {
		all[key] = value
	}
	return newServer(t, all), map[string]any{
		"MCP": notes, "CALLBACK": fmt.Sprintf("http://127.0.0.1:%d/callback", freePort(t)), "DOCUMENT": "", "ADDRESS": "dora@example.com", "E2E_ARTEFACTS": artefacts(t),
	}
}

func TestMCPClientRegistersItselfAndCallsATool(t *testing.T) {
	s, environment := mcp(t, settings{"registration": "open"})
	s.start()
	s.journey("mcp/journey.mjs", environment)
}

// The document says no port: a program on the person's machine takes whatever port is free (RFC 8252 §7.3).
func TestMCPClientDescribesItselfAndCallsATool(t *testing.T) {
	trusted, port := newCertificate(t), freePort(t)
	document := fmt.Sprintf("https://localhost:%d/desk.json", port)
	listener, err := net.Listen("tcp", fmt.Sprintf("localhost:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	site := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"client_id": document, "client_name": "Paper desk", "redirect_uris": []string{"http://127.0.0.1/callback"}, "token_endpoint_auth_method": "none",
			"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
		})
	})}
	go site.ServeTLS(listener, trusted.Cert, trusted.Key)
	t.Cleanup(func() { site.Close() })

	s, environment := mcp(t, settings{"client_id_metadata_documents": true})
	s.env = append(s.env, "SSL_CERT_FILE="+trusted.Cert)
	environment["DOCUMENT"] = document
	s.start()
	s.journey("mcp/journey.mjs", environment)
}
