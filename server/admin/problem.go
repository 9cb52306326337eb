package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/clients"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// refusal is a reason for a person: what is wrong and what to do about it. It becomes a problem document (RFC 9457).
type refusal struct {
	status int
	detail string
}

// Error implements error.
func (r *refusal) Error() string { return r.detail }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// problem translates errors of this door and of the store. What it does not know stays in the log.
func (a *Admin) problem(ctx context.Context, err error) error {
	var (
		r          *refusal
		unsuitable *clients.Problem
	)
	switch {
	case errors.As(err, &r):
		return huma.NewError(r.status, r.detail)
	case errors.As(err, &unsuitable):
		return huma.NewError(http.StatusUnprocessableEntity, unsuitable.Detail)
	case errors.Is(err, storage.ErrNotFound):
		return huma.NewError(http.StatusNotFound, "There is nothing of that name.")
	case errors.Is(err, storage.ErrConflict):
		return huma.NewError(http.StatusConflict, "Something of that name is there already.")
	case storage.Away(err):
		a.deps.Log.ErrorContext(ctx, "store not available", "error", err, "request", web.RequestID(ctx))
		return huma.ErrorWithHeaders(
			huma.NewError(http.StatusServiceUnavailable, "The database cannot be written to just now. Look at free space and permissions of the data folder, then try again."),
			http.Header{"Retry-After": {"5"}})
	}
	if ctx.Err() == nil {
		a.deps.Log.ErrorContext(ctx, "request failed", "error", err, "request", web.RequestID(ctx))
	}
	return huma.NewError(http.StatusInternalServerError, "Something went wrong in the server. Its log says what.")
}
