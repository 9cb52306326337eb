// Package web is what every door needs of HTTP: handlers that return their error, one place that turns errors into
// answers and logs them, cookies, the visitor's address, forms with limits, headers, rendering.
// It knows no product nouns and owns no route.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// Handler answers a request or returns the reason it did not. After returning an error it must not have written anything.
type Handler func(http.ResponseWriter, *http.Request) error

// Error is what outsiders may know of a failure. Any other error reaches them as a 500 without text.
type Error struct {
	Status     int           // HTTP status
	Code       string        // stable name, for programs and for choosing the page
	Message    string        // one sentence for people; may be empty
	RetryAfter time.Duration // 0: none
	Err        error         // the cause, for the log only
}

// Error implements error, for the log.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%d %s", e.Status, e.Code)
	}
	return fmt.Sprintf("%d %s: %v", e.Status, e.Code, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// comeBack is when to try again after what this server rests on was away.
const comeBack = 5 * time.Second

// Away is the answer while what this server rests on cannot work: 503, with the time to come back.
func Away(err error) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", RetryAfter: comeBack, Err: err}
}

// Edge is where a door's errors become answers. Show writes them in the door's own language (a page, OAuth JSON, a problem document).
// Translate gives an *Error for the errors of rooms below; nil means it does not know it.
type Edge struct {
	Log       *slog.Logger
	Translate func(error) *Error
	Show      func(w http.ResponseWriter, r *http.Request, e *Error)
}

// Handle makes an http.Handler of h. A panic is logged with its stack and answered like any unknown error.
func (e Edge) Handle(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				e.Log.ErrorContext(r.Context(), "panic", "panic", p, "stack", string(debug.Stack()), "request", RequestID(r.Context()))
				e.Show(w, r, &Error{Status: http.StatusInternalServerError, Code: "server_error"})
			}
		}()
		if err := h(w, r); err != nil {
			e.answer(w, r, err)
		}
	})
}

func (e Edge) answer(w http.ResponseWriter, r *http.Request, err error) {
	var known *Error
	if !errors.As(err, &known) {
		if known = e.Translate(err); known == nil {
			known = &Error{Status: http.StatusInternalServerError, Code: "server_error", Err: err}
		}
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is listening any more
	}
	if known.Status >= 500 {
		e.Log.ErrorContext(r.Context(), "request failed", "error", err, "status", known.Status, "request", RequestID(r.Context()))
	} else {
		e.Log.DebugContext(r.Context(), "request refused", "error", err, "status", known.Status, "request", RequestID(r.Context()))
	}
	if known.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(known.RetryAfter.Seconds()))))
	}
	e.Show(w, r, known)
}
