package cognito

import (
	"errors"
	"fmt"
	"time"

	"gatelatch/storage"
)

// signatureKeyPlace binds a sealed secret access key to its id.
func signatureKeyPlace(id string) []string { return []string{"signature_keys", id, "sealed"} }

// SealKey seals the secret access key of that id, as signed finds it.
func (d *Door) SealKey(id, key string) []byte {
	return d.Keys.Seal([]byte(key), signatureKeyPlace(id)...)
}

// administered is an operation that only a signed call may ask for, about the pool of this server.
func (d *Door) administered(do operation) operation {
	return func(c *call) (any, error) {
		if err := d.signed(c); err != nil {
			return nil, err
		}
		var in struct{ UserPoolId string }
		if err := c.read(&in); err != nil {
			return nil, err
		}
		if in.UserPoolId != d.PoolID {
			return nil, fail("ResourceNotFoundException", "User pool %.60s does not exist.", printable(in.UserPoolId))
		}
		return do(c)
	}
}

// signed checks who has signed a call, and notes it as the call's actor. The same call may come twice within the drift, as with Amazon.
func (d *Door) signed(c *call) error {
	if c.request.Header.Get("Authorization") == "" {
		return errUnsigned
	}
	s, whole := readSignature(c.request)
	if !whole {
		return errHalf
	}
	now := d.Now()
	if now.Sub(s.at).Abs() > sigDrift {
		return errSignedAt
	}
	kept, err := d.Store.View(c.ctx).SignatureKey(s.key)
	// Keys that go with a session token do not exist here.
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.request.Header.Get("X-Amz-Security-Token") != "" {
		return errSignedBy
	}
	if err != nil {
		return fmt.Errorf("read signature key: %w", err)
	}
	key, err := d.Keys.Open(kept.Sealed, signatureKeyPlace(kept.ID)...)
	if err != nil {
		return fmt.Errorf("open signature key: %w", err)
	}
	// Behind a proxy that names another host, the caller has signed the public one.
	if !s.made(c.request, c.request.Host, c.body, string(key)) && !s.made(c.request, d.Host, c.body, string(key)) {
		return errSignature
	}
	c.by = "key:" + kept.ID
	hour := now.Truncate(time.Hour).UnixMicro()
	if kept.LastUsed == hour {
		return nil
	}
	err = d.Store.Write(c.ctx, func(tx storage.Tx) error { return tx.UsedSignatureKey(kept.ID, hour) })
	if err != nil {
		return fmt.Errorf("note use of signature key: %w", err)
	}
	return nil
}
