package views

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed assets
var assetFiles embed.FS

// asset is one static file as it is served.
type asset struct {
	url        string // /assets/core.4f1c….css
	mediaType  string
	hash       string
	raw, gzipd []byte
}

// shelf holds the assets by their plain name and by their URL.
type shelf struct{ byName, byURL map[string]asset }

// assets reads and compresses the embedded files once.
var assets = sync.OnceValue(func() shelf {
	s := shelf{map[string]asset{}, map[string]asset{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // embedded: a bug
	}
	for _, e := range entries {
		raw, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(raw)
		ext := path.Ext(e.Name())
		a := asset{hash: hex.EncodeToString(sum[:6]), mediaType: mime.TypeByExtension(ext), raw: raw, gzipd: compress(raw)}
		a.url = "/assets/" + strings.TrimSuffix(e.Name(), ext) + "." + a.hash + ext
		s.byName[e.Name()], s.byURL[a.url] = a, a
	}
	return s
})

func compress(raw []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a constant that exists
	_, _ = w.Write(raw)                                   // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// Asset is the URL of a static file ("core.css"), with a hash of its content in the name.
// An unknown name is a bug and panics; the tests render every page.
func Asset(name string) string {
	a, ok := assets().byName[name]
	if !ok {
		panic("views: there is no asset " + name)
	}
	return a.url
}

// Assets serves GET and HEAD of /assets/…: content that never changes under its name, compressed where the browser takes
// gzip, 304 for a known ETag, 404 for anything else.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets().byURL[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		body, etag := a.raw, `"`+a.hash+`"`
		if takesGzip(r.Header.Get("Accept-Encoding")) && len(a.gzipd) < len(a.raw) {
			body, etag = a.gzipd, `"`+a.hash+`-gz"`
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Vary", "Accept-Encoding")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("ETag", etag)
		h.Set("X-Content-Type-Options", "nosniff")
		if strings.Contains(r.Header.Get("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", a.mediaType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // the visitor may have gone
		}
	})
}

// takesGzip reads an Accept-Encoding header (RFC 9110 §12.5.3): gzip named and not with weight nought.
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight, given := strings.CutPrefix(strings.TrimSpace(params), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !given || err == nil && q > 0
	}
	return false
}
