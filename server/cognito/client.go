package cognito

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// client finds the application that is calling, if the door is open for it. It has no secret: pages cannot keep one. One that believes it
// has is told: SECRET_HASH is keyed with the secret itself, and what this server keeps of secrets is a digest.
func (d *Door) client(c *call, id string) (storage.Client, error) {
	app, err := d.Store.View(c.ctx).Client(id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return app, err
	}
	if err != nil || app.Disabled || !app.Settings.Cognito {
		return storage.Client{}, fail("ResourceNotFoundException", "User pool client %.60s does not exist.", printable(id))
	}
	if c.provesSecret() {
		return storage.Client{}, fail("NotAuthorizedException", "Client %s is not configured for secret but secret hash was received", app.ID)
	}
	return app, nil
}

// provesSecret reports whether the caller shows that it knows a client's secret, in one of the places that the protocol has for it.
func (c *call) provesSecret() bool {
	type hash struct {
		Hash string `json:"SECRET_HASH"`
	}
	var said struct {
		SecretHash, ClientSecret           string
		AuthParameters, ChallengeResponses hash
	}
	_ = json.Unmarshal(c.body, &said) // the operation says what is wrong with it
	return said.SecretHash+said.ClientSecret+said.AuthParameters.Hash+said.ChallengeResponses.Hash != ""
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
}

// login is what authn knows a person by: applications may call them by their address, or by the sub they were told.
func (d *Door) login(c *call, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", fail("InvalidParameterException", "Username cannot be empty")
	}
	id, err := storage.ParseID(name)
	if err != nil {
		return name, nil
	}
	e, err := d.Store.View(c.ctx).PrimaryEmail(id)
	if !errors.Is(err, storage.ErrNotFound) {
		return e.Address, err
	}
	s, err := d.Engine.Registered(c.ctx, name)
	if errors.Is(err, authn.ErrNotWaiting) {
		return name, nil
	}
	return s.Address, err
}

// delivery says where a code was sent, masked: A***@e***. It is the same for somebody there is not.
type delivery struct {
	Attribute   string `json:"AttributeName"`
	Medium      string `json:"DeliveryMedium"`
	Destination string
}

func deliveredTo(address string) delivery {
	return delivery{"email", "EMAIL", masked(address)}
}

func masked(address string) string {
	local, host, _ := strings.Cut(address, "@")
	return first(local) + "***@" + first(host) + "***"
}

func first(text string) string {
	for _, r := range text {
		return string(unicode.ToLower(r))
	}
	return ""
}
