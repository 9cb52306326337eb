package e2e

import (
	"fmt"
	"testing"
)

func TestPasskeysInChromium(t *testing.T) {
	notes, vault := newParty(t, "notes"), newParty(t, "vault")
	vault.insists = "phr"
	s := serveParties(t, nil, notes, vault)
	s.journey("passkeys/journey.mjs", map[string]any{"VAULT": vault.URL, "PARTY": notes.URL, "E2E_ARTEFACTS": artefacts(t)})
}

func TestPageAtAnAddressWithoutHTTPSSaysWhyItHasNoPasskeys(t *testing.T) {
	notes, port := newParty(t, "notes"), freePort(t)
	at := fmt.Sprintf("127.0.0.1:%d", port)
	s := newServer(t, settings{"public_url": "http://" + at, "listen": at, "clients": []application{notes.application()}})
	s.Port = port
	s.start()
	notes.connect(s.Issuer, s.client)
	s.journey("passkeys/plain.mjs", map[string]any{"PARTY": notes.URL, "E2E_ARTEFACTS": artefacts(t)})
}
