package views

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelatch/views/words"
)

var gallery = flag.String("gallery", "", "folder to write every page in every state and language to, for looking at")

// TestGallery writes pages that open in a browser without a server: go test ./views -run Gallery -gallery DIR.
func TestGallery(t *testing.T) {
	if *gallery == "" {
		t.Skip("no -gallery DIR given")
	}
	catalogues := []*words.Catalogue{words.For("en").Pseudo(false), words.For("en").Pseudo(true)}
	for _, lang := range words.Languages() {
		catalogues = append(catalogues, words.For(lang.Tag))
	}
	if err := os.MkdirAll(filepath.Join(*gallery, "assets"), 0o755); err != nil {
		t.Fatal(err)
	}
	for url, a := range assets().byURL {
		if err := os.WriteFile(filepath.Join(*gallery, url), a.raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range catalogues {
		for _, s := range states {
			page := strings.ReplaceAll(draw(t, s.page(bookstore(c))), `"/assets/`, `"assets/`)
			if err := os.WriteFile(filepath.Join(*gallery, s.name+"."+c.Lang()+".html"), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
