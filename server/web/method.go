package web

import (
	"net/http"
	"strings"
)

// Only is for the methods that nothing else is mounted for at a path: 405, naming those that work (RFC 9110 §15.5.6).
func Only(methods ...string) Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		allowed := strings.Join(methods, ", ")
		w.Header().Set("Allow", allowed)
		return &Error{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Message: "This address answers " + allowed + "."}
	}
}
