package views

import (
	"net/url"

	"github.com/a-h/templ"
)

// forgotURL is where a new password begins.
func forgotURL(flow string) templ.SafeURL {
	return templ.SafeURL("/sign-in/forgot?flow=" + url.QueryEscape(flow))
}

// passwordURL is where the password is asked for instead of a code.
func passwordURL(flow string) templ.SafeURL {
	return templ.SafeURL("/sign-in/password?flow=" + url.QueryEscape(flow))
}
