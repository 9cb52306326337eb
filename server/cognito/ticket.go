package cognito

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

// ticketLife is how long an application may take for one step; Amplify keeps a session for 3 minutes, AWS for up to 15.
const ticketLife = 15 * time.Minute

// ticket is what the protocol calls a session: where a sign-in stands, sealed, in the hands of the application. It is bound to the
// client, the person and the step. What may happen only once lies in the flow it names, and so do the tries.
type ticket struct {
	Client  string `json:"c"`
	Name    string `json:"n"` // as the application calls the person
	Step    string `json:"s"` // the challenge that is to be answered
	Flow    string `json:"f"`
	Browser string `json:"b"`           // that the flow is bound to
	Extra   []byte `json:"x,omitempty"` // of the step
	Expires int64  `json:"e"`
}

var ticketPlace = []string{"cognito", "session", "value"}

// seal makes a ticket for the next step.
func (d *Door) seal(t ticket) string {
	t.Expires = d.Now().Add(ticketLife).UnixMicro()
	document, err := json.Marshal(t)
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return base64.RawURLEncoding.EncodeToString(d.Keys.Seal(document, ticketPlace...))
}

// open reads a ticket of that client for one of those steps.
func (d *Door) open(session, client string, steps ...string) (ticket, error) {
	t, err := d.openAny(session, steps...)
	if err == nil && t.Client != client {
		return ticket{}, errSession
	}
	return t, err
}

// openAny is open for operations that do not say which client calls.
func (d *Door) openAny(session string, steps ...string) (ticket, error) {
	var t ticket
	sealed, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil {
		return t, errSession
	}
	document, err := d.Keys.Open(sealed, ticketPlace...)
	if err != nil || json.Unmarshal(document, &t) != nil {
		return t, errSession
	}
	if t.Expires <= d.Now().UnixMicro() {
		return t, fail("NotAuthorizedException", "Invalid session for the user, session is expired.")
	}
	for _, step := range steps {
		if t.Step == step {
			return t, nil
		}
	}
	return t, errSession
}
