// Package passkeytest is an authenticator in software, for tests: it makes passkeys and signs with them as browsers and the keys in them
// do together (WebAuthn Level 3 §5 and §6), and as nobody should.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// The flags of authenticator data (§6.1).
const (
	UserPresent    = 0x01
	UserVerified   = 0x04
	BackupEligible = 0x08
	BackedUp       = 0x10
	attested       = 0x40
)

// Authenticator holds passkeys in a browser.
type Authenticator struct {
	Origin     string // of the page that asks
	Flags      byte   // that every answer carries
	Counts     bool   // signatures are counted
	Attachment string
	AAGUID     [16]byte
	// Bend changes an answer before it is signed; nil: honest.
	Bend func(*Answer)

	passkeys map[string]*Passkey
}

// Passkey is one key.
type Passkey struct {
	ID    []byte
	User  []byte // handle
	Count uint32
	key   *ecdsa.PrivateKey
}

// Answer is what is about to be signed and sent.
type Answer struct {
	Type        string // of the ceremony
	Challenge   string
	Origin      string
	CrossOrigin bool
	RPID        string
	Flags       byte
	Count       uint32
	UserHandle  []byte
	ID          []byte
}

// New is an authenticator in the pages of an origin that verifies its user and syncs its passkeys.
func New(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Flags: UserPresent | UserVerified | BackupEligible | BackedUp, Attachment: "platform", passkeys: map[string]*Passkey{}}
}

// ErrNone says that there is no passkey to answer with, or one that may not be made twice.
var ErrNone = errors.New("the authenticator has no answer")

// Passkeys lists the ids of the passkeys, in order.
func (a *Authenticator) Passkeys() []string { return slices.Sorted(maps.Keys(a.passkeys)) }

// Passkey is one of them.
func (a *Authenticator) Passkey(id string) *Passkey { return a.passkeys[id] }

type descriptor struct {
	ID string `json:"id"`
}

func (a *Authenticator) has(list []descriptor) *Passkey {
	for _, d := range list {
		raw, err := base64.RawURLEncoding.DecodeString(d.ID)
		if err == nil && a.passkeys[string(raw)] != nil {
			return a.passkeys[string(raw)]
		}
	}
	return nil
}

// Create makes a passkey, as navigator.credentials.create() does with these options, and returns the answer as JSON.
func (a *Authenticator) Create(options string) (string, error) {
	var o struct {
		Challenge string `json:"challenge"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		Exclude []descriptor `json:"excludeCredentials"`
	}
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return "", err
	}
	if a.has(o.Exclude) != nil {
		return "", ErrNone
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		return "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	p := &Passkey{ID: make([]byte, 20), User: handle, key: key}
	if _, err := rand.Read(p.ID); err != nil {
		return "", err
	}
	answer := Answer{Type: "webauthn.create", Challenge: o.Challenge, Origin: a.Origin, RPID: o.RP.ID, Flags: a.Flags, ID: p.ID}
	a.bend(&answer)
	p.ID = answer.ID
	a.passkeys[string(p.ID)] = p
	point := key.X.FillBytes(make([]byte, 32))
	public := slices.Concat([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point, []byte{0x22, 0x58, 0x20}, key.Y.FillBytes(make([]byte, 32)))
	answer.Flags |= attested
	data := slices.Concat(answer.data(), a.AAGUID[:], binary.BigEndian.AppendUint16(nil, uint16(len(p.ID))), p.ID, public)
	object := slices.Concat([]byte{0xa3}, cborText("fmt"), cborText("none"), cborText("attStmt"), []byte{0xa0}, cborText("authData"), []byte{0x59}, binary.BigEndian.AppendUint16(nil, uint16(len(data))), data)
	return a.send(p.ID, map[string]any{"clientDataJSON": encode(answer.clientData()), "attestationObject": encode(object), "transports": []string{"internal", "hybrid", "carrier-pigeon"}})
}

// Get signs with a passkey, as navigator.credentials.get() does with these options, and returns the answer as JSON.
func (a *Authenticator) Get(options string) (string, error) {
	var o struct {
		Challenge string       `json:"challenge"`
		RPID      string       `json:"rpId"`
		Allow     []descriptor `json:"allowCredentials"`
	}
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return "", err
	}
	p := a.has(o.Allow)
	if len(o.Allow) == 0 && len(a.passkeys) > 0 {
		p = a.passkeys[a.Passkeys()[0]]
	}
	if p == nil {
		return "", ErrNone
	}
	if a.Counts {
		p.Count++
	}
	answer := Answer{Type: "webauthn.get", Challenge: o.Challenge, Origin: a.Origin, RPID: o.RPID, Flags: a.Flags, Count: p.Count, UserHandle: p.User, ID: p.ID}
	a.bend(&answer)
	data, client := answer.data(), answer.clientData()
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(slices.Concat(data, hash[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, p.key, digest[:])
	if err != nil {
		return "", err
	}
	response := map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature)}
	if answer.UserHandle != nil {
		response["userHandle"] = encode(answer.UserHandle)
	}
	return a.send(answer.ID, response)
}

func (a *Authenticator) bend(answer *Answer) {
	if a.Bend != nil {
		a.Bend(answer)
	}
}

func (a *Authenticator) send(id []byte, response map[string]any) (string, error) {
	b, err := json.Marshal(map[string]any{"id": encode(id), "rawId": encode(id), "type": "public-key", "authenticatorAttachment": a.Attachment, "clientExtensionResults": map[string]any{}, "response": response})
	return string(b), err
}

// data is the authenticator data without what is attested (§6.1).
func (a Answer) data() []byte {
	hash := sha256.Sum256([]byte(a.RPID))
	return binary.BigEndian.AppendUint32(append(hash[:], a.Flags), a.Count)
}

func (a Answer) clientData() []byte {
	b, err := json.Marshal(map[string]any{"type": a.Type, "challenge": a.Challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin})
	if err != nil {
		panic(err) // texts always encode
	}
	return b
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// cborText is a short text in CBOR (RFC 8949 §3.1).
func cborText(s string) []byte { return append([]byte{0x60 | byte(len(s))}, s...) }
