package server_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// uploads sends a file as the form of the page does.
func (p *person) uploads(file []byte) {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("picture", "me.jpg")
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		p.t.Fatal(err)
	}
	form.Close()
	r := p.request("POST", "/account/picture", nil)
	r.Body, r.ContentLength = http.NoBody, int64(body.Len())
	r.Body = readCloser{&body}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Origin", p.url.String())
	p.follow(r)
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// halves is a picture that is red above and blue below.
func halves(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{R: 255, A: 255})
			if y >= h/2 {
				m.SetNRGBA(x, y, color.NRGBA{B: 255, A: 255})
			}
		}
	}
	return m
}

func encoded(t *testing.T, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shot is what a phone that is held upright sends: a picture on its side, with a note that says so and where it was taken.
func shot(t *testing.T, w, h int) []byte {
	plain := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, halves(w, h), nil) })
	tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00secret-place-48.2N")
	exif := append([]byte("Exif\x00\x00"), tiff...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return append(append(append([]byte{0xff, 0xd8}, segment...), exif...), plain[2:]...)
}

// bomb is a PNG of a few bytes that claims to be enormous.
func bomb(t *testing.T) []byte {
	small := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, halves(2, 2)) })
	binary.BigEndian.PutUint32(small[16:], 60000)
	binary.BigEndian.PutUint32(small[20:], 60000)
	binary.BigEndian.PutUint32(small[29:], crc32.ChecksumIEEE(small[12:29]))
	return small
}

func TestAPictureIsDrawnAnewSmallUprightAndWithoutWhatItCarried(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	p.uploads(shot(t, 1200, 600))
	p.reads("Saved.")
	address := w.who("ann@example.com").Picture
	path, ours := strings.CutPrefix(address, "https://id.example.com")
	if !ours || !strings.HasPrefix(path, "/pictures/") {
		t.Fatalf("the picture claim is %q", address)
	}
	p.reads(`src="` + path + `"`)
	got := w.do(w.request("GET", path, nil)) // by anybody: applications show it
	for name, want := range map[string]string{"Content-Type": "image/jpeg", "Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "public, max-age=31536000, immutable"} {
		if v := got.Header().Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if bytes.Contains(got.Body.Bytes(), []byte("Exif")) || bytes.Contains(got.Body.Bytes(), []byte("secret-place")) {
		t.Error("the picture still says where it was taken")
	}
	m, _, err := image.Decode(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b := m.Bounds(); b.Dx() != 256 || b.Dy() != 512 {
		t.Errorf("the picture is %v, want 256 by 512", b)
	}
	right, _, _, _ := m.At(250, 256).RGBA() // what was above on its side is on the right when it is turned
	left, _, _, _ := m.At(5, 256).RGBA()
	if right < 0xc000 || left > 0x4000 {
		t.Errorf("red is %x on the right and %x on the left: not turned", right, left)
	}
	p.post("/account/picture/remove", url.Values{})
	if w.who("ann@example.com").Picture != "" || w.do(w.request("GET", path, nil)).Code != 404 {
		t.Error("the picture is still there")
	}
}

func TestPicturesOfOtherKindsAreTaken(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	clear := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for name, c := range map[string]struct {
		file []byte
		kind string
	}{
		"png":             {encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, halves(30, 20)) }), "image/jpeg"},
		"transparent png": {encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, clear) }), "image/png"},
		"gif":             {encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, halves(30, 20), nil) }), "image/jpeg"},
		"webp":            {[]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\r\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"), "image/png"},
	} {
		p.uploads(c.file)
		if p.screen.Code != 200 {
			t.Errorf("%s: %d %s", name, p.screen.Code, p.text())
			continue
		}
		path := strings.TrimPrefix(w.who("ann@example.com").Picture, "https://id.example.com")
		if got := w.do(w.request("GET", path, nil)); got.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s is kept as %s, want %s", name, got.Header().Get("Content-Type"), c.kind)
		}
	}
}

func TestWhatIsNoPictureOrTooLargeIsRefused(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	good := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, halves(20, 20)) })
	for name, file := range map[string][]byte{
		"nothing": nil, "html": []byte("<html><script>alert(1)</script>"), "svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "half": good[:len(good)/2],
		"a bomb": bomb(t), "6 MB": append(good, make([]byte, 6<<20)...), "a gif of nothing": []byte("GIF89a\x00\x00\x00\x00\x00\x00\x00;"),
	} {
		p.uploads(file)
		if p.screen.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s gets %d", name, p.screen.Code)
		}
		p.reads(`aria-describedby="picture-error picture-hint"`)
	}
	if w.who("ann@example.com").Picture != "" {
		t.Error("something was kept")
	}
	p.uploads(append(good, []byte("<script>alert(1)</script>")...)) // a picture and more
	path := strings.TrimPrefix(w.who("ann@example.com").Picture, "https://id.example.com")
	if got := w.do(w.request("GET", path, nil)); got.Code != 200 || strings.Contains(got.Body.String(), "script") {
		t.Errorf("what followed the picture was kept: %d", got.Code)
	}
	for _, path := range []string{"/pictures/", "/pictures/..%2fgatelatch.key", "/pictures/0.jpeg"} {
		if got := w.do(w.request("GET", path, nil)); got.Code != 404 {
			t.Errorf("%s gets %d", path, got.Code)
		}
	}
}
