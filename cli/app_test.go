package cli

import (
	"testing"

	"gatelatch/server/admin"
	"gatelatch/storage"
)

func TestApplicationsThatNobodyEnteredAreMarkedInTheList(t *testing.T) {
	for want, app := range map[string]admin.App{
		"web (keeps a secret), nextjs":                   {Type: "web", Framework: "nextjs"},
		"native (on a device)":                           {Type: "native", Framework: "native"},
		"native (on a device), registered itself":        {Type: "native", Framework: "generic", Origin: storage.OriginRegistration},
		"spa (in the browser), described by its address": {Type: "spa", Framework: "generic", Origin: storage.OriginDocument},
		"web (keeps a secret), disabled":                 {Type: "web", Framework: "generic", Disabled: true},
	} {
		if got := kindOf(app); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
