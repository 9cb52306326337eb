package server

import (
	"errors"
	"net/http"
	"time"

	"gatelatch/server/web"
	"gatelatch/storage"
)

// comeBack is when to try again after the store was away.
const comeBack = 5 * time.Second

// translate gives a store that is away its place, for pages whose door has no words of its own for it. What is not here is a 500.
func translate(err error) *web.Error {
	if errors.Is(err, storage.ErrBusy) || errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrClosed) {
		return &web.Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", RetryAfter: comeBack, Err: err}
	}
	return nil
}
