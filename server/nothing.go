package server

import (
	"net/http"

	"gatelatch/server/web"
)

// nothing answers what no door does: "/" leads to the sign-in, an address that answers to other methods names them, and the
// rest is not there. TRACE is always among the last two: it would show a page the cookies it must not see.
func nothing(mux *http.ServeMux) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		methods := methodsOf(mux, r)
		switch {
		case r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			return web.SeeOther(w, r, "/sign-in")
		case r.URL.Path == "/":
			methods = []string{http.MethodGet, http.MethodHead}
		case len(methods) == 0:
			return &web.Error{Status: http.StatusNotFound, Code: "not_found"}
		}
		return web.Only(methods...)(w, r)
	}
}

// methodsOf lists the methods that a door answers at the address of r, in the order of the alphabet.
func methodsOf(mux *http.ServeMux, r *http.Request) (methods []string) {
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost} {
		if _, pattern := mux.Handler(&http.Request{Method: m, Host: r.Host, URL: r.URL}); pattern != "/" {
			methods = append(methods, m)
		}
	}
	return methods
}
