package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Limits of what a form may carry: SECURITY of the reader comes before the wish of the writer.
const (
	maxBody   = 64 << 10
	maxParams = 200
)

// ErrDuplicate says that a parameter was there twice (RFC 6749 §3.1: it must not be).
var ErrDuplicate = errors.New("a parameter is there more than once")

// Query returns the parameters of the request's address: at most 200, valid UTF-8 without NUL. 400 otherwise.
func Query(r *http.Request) (url.Values, error) { return parse(r.URL.RawQuery) }

// PostForm returns the parameters of an application/x-www-form-urlencoded body of at most 64 KiB, under the same rules.
// 415 for another kind of body, 413 for a larger one, 400 otherwise.
func PostForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	body, err := read(w, r, "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	return parse(string(body))
}

// JSONBody returns an application/json body of at most 64 KiB, under the same rules.
func JSONBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := read(w, r, "application/json")
	if err == nil && !utf8.Valid(body) {
		return nil, &Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "The body is not valid UTF-8."}
	}
	return body, err
}

// read takes in a body of that kind.
func read(w http.ResponseWriter, r *http.Request, want string) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != want {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Message: "The body must be " + want + "."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Message: "The body is larger than 64 KiB."}
		}
		return nil, &Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "The body could not be read to its end.", Err: err}
	}
	return body, nil
}

func parse(encoded string) (url.Values, error) {
	if strings.Count(encoded, "&") >= maxParams {
		return nil, &Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "There are more than 200 parameters."}
	}
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "The parameters are not form-encoded.", Err: err}
	}
	for name, all := range values {
		for _, v := range append(all, name) {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return nil, &Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "A parameter is not valid UTF-8."}
			}
		}
	}
	return values, nil
}

// Once checks that no parameter is there more than once, but those named repeatable; ErrDuplicate.
func Once(values url.Values, repeatable ...string) error {
	for name, all := range values {
		if len(all) < 2 {
			continue
		}
		allowed := false
		for _, n := range repeatable {
			allowed = allowed || n == name
		}
		if !allowed {
			return ErrDuplicate
		}
	}
	return nil
}
