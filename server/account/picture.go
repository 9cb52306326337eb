package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // its first frame
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // as phones send it

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
)

const (
	maxPicture   = 5 << 20  // bytes of an upload
	maxPixels    = 16 << 20 // of an upload: a small file can claim to be a picture that fills the memory
	pictureSide  = 512      // of what is kept
	pictureField = "picture"
	picturesPath = "/pictures/"
)

// errPicture says that an upload cannot be made a picture of.
var errPicture = errors.New("not a PNG, JPEG, WebP or GIF that can be read")

// errPictureLarge says that an upload is too large, in bytes or pixels.
var errPictureLarge = errors.New("the picture is too large")

// drawing lets one picture at a time be drawn: each may take a hundred megabytes for a moment.
var drawing = make(chan struct{}, 1)

// upload answers a POST of somebody who is signed in that carries a file (RFC 7578). Its form is read only once they are known.
func (d *Door) upload(h func(v *visit, file []byte) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return d.enter(w, r, url.Values{}, way{to: home}, func(v *visit) error {
			file, err := fileOf(w, r)
			if errors.Is(err, errPictureLarge) {
				return d.again(v, trouble{panel: "profile", field: pictureField, key: "account.picture_large"})
			}
			if err != nil {
				return err
			}
			return h(v, file)
		})
	}
}

// fileOf reads the one file of a form; empty if none was chosen.
func fileOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPicture+64<<10)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, &web.Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Message: "The body must be multipart/form-data.", Err: err}
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err == nil && part.FormName() != pictureField {
			continue
		}
		var file []byte
		if err == nil {
			file, err = io.ReadAll(io.LimitReader(part, maxPicture+1))
		}
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge), err == nil && len(file) > maxPicture:
			return nil, errPictureLarge
		case err != nil:
			return nil, &web.Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "The form could not be read to its end.", Err: err}
		}
		return file, nil
	}
}

func (d *Door) postPicture(v *visit, file []byte) error {
	err := d.takePicture(v.ctx(), v.visitor, v.user(), file)
	switch {
	case errors.Is(err, errPictureLarge):
		return d.again(v, trouble{panel: "profile", field: pictureField, key: "account.picture_large"})
	case errors.Is(err, errPicture):
		return d.again(v, trouble{panel: "profile", field: pictureField, key: "account.picture_unread"})
	case err != nil:
		return err
	}
	return d.done(v, "profile", "saved")
}

// takePicture draws an upload anew and makes it a person's picture. errPicture, errPictureLarge, *authn.TooMany.
func (d *Door) takePicture(ctx context.Context, from authn.Visitor, user storage.ID, file []byte) error {
	if err := d.engine.SpendPicture(ctx, user); err != nil {
		return err
	}
	select {
	case drawing <- struct{}{}:
		defer func() { <-drawing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	drawn, kind, err := redraw(file)
	if err != nil {
		return err
	}
	return d.keepPicture(ctx, from, user, drawn, kind)
}

// redraw makes a picture of ours of an upload: at most 512 by 512, upright, without anything that came along in the file.
// errPicture, errPictureLarge.
func redraw(file []byte) (drawn []byte, kind string, err error) {
	defer func() {
		if p := recover(); p != nil { // a fault of a decoder is a fault of the file
			err = fmt.Errorf("%w: %v", errPicture, p)
		}
	}()
	size, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || size.Width <= 0 || size.Height <= 0 {
		return nil, "", errPicture
	}
	if size.Width > maxPixels/size.Height {
		return nil, "", errPictureLarge
	}
	from, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", errPicture, err)
	}
	b := from.Bounds()
	w, h := b.Dx(), b.Dy()
	if longest := max(w, h); longest > pictureSide {
		w, h = max(1, w*pictureSide/longest), max(1, h*pictureSide/longest)
	}
	to := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(to, to.Bounds(), from, b, draw.Src, nil)
	if format == "jpeg" {
		to = upright(to, orientation(file))
	}
	var out bytes.Buffer
	if to.Opaque() {
		err = jpeg.Encode(&out, to, &jpeg.Options{Quality: 88})
		return out.Bytes(), "image/jpeg", err
	}
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), "image/png", err
}

// orientation finds out how a camera was held (Exif 2.32 §4.6.4.A, tag 0x0112): 1 to 8, 1 if the file does not say.
func orientation(file []byte) int {
	for at := 2; at+4 <= len(file) && file[at] == 0xff && file[at+1] != 0xda; {
		length := int(binary.BigEndian.Uint16(file[at+2:]))
		if length < 2 || at+2+length > len(file) {
			break
		}
		if segment := file[at+4 : at+2+length]; file[at+1] == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return orientationIn(segment[6:])
		}
		at += 2 + length
	}
	return 1
}

// orientationIn reads it out of the TIFF that Exif is.
func orientationIn(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	first := int64(order.Uint32(tiff[4:]))
	if first+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[first+2:]
	for range order.Uint16(tiff[first:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns and mirrors a picture so that it stands as the camera saw it.
func upright(from *image.NRGBA, o int) *image.NRGBA {
	if o == 1 {
		return from
	}
	w, h := from.Rect.Dx(), from.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if o > 4 {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewNRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch o {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			to.SetNRGBA(tx, ty, from.NRGBAAt(x, y))
		}
	}
	return to
}

// keepPicture stores a picture and names it in the `picture` claim; without one (nil), it takes away what is there.
func (d *Door) keepPicture(ctx context.Context, from authn.Visitor, user storage.ID, drawn []byte, kind string) error {
	p := storage.Picture{UserID: user, Name: pictureName(user, drawn, kind), MediaType: kind, Data: drawn, Created: d.now()}
	return d.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.HoldUser(user); err != nil { // what changes meanwhile is not undone: the whole row is written
			return err
		}
		u, err := tx.User(user)
		if err != nil {
			return err
		}
		switch {
		case drawn != nil:
			u.Picture, err = d.pictureURL(p.Name), tx.PutPicture(p)
		case u.Picture == "":
			return nil
		default:
			u.Picture, err = "", tx.DeletePicture(u.ID)
		}
		if err != nil {
			return err
		}
		u.Updated = d.now()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		ip := ""
		if from.IP.IsValid() {
			ip = from.IP.String()
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPictureChanged, Actor: "user:" + u.ID.String(), UserID: u.ID, IP: ip, Device: authn.Device(from.Agent)})
	})
}

// pictureName is made of whose picture it is and what it shows: it never shows anything else, and nobody learns from it who has the same.
func pictureName(user storage.ID, drawn []byte, kind string) string {
	h := sha256.New()
	h.Write(user[:])
	h.Write(drawn)
	return hex.EncodeToString(h.Sum(nil)[:16]) + "." + strings.TrimPrefix(kind, "image/")
}

func (d *Door) pictureURL(name string) string {
	return strings.TrimSuffix(d.cfg.PublicURL.String(), "/") + picturesPath + name
}

func (d *Door) postRemovePicture(v *visit) error {
	if err := d.keepPicture(v.ctx(), v.visitor, v.user(), nil, ""); err != nil {
		return err
	}
	return d.done(v, "profile", "saved")
}

// ownPicture is the path of a picture that lies here; "" for none, or one that lies elsewhere: pages show nothing of other sites.
func (d *Door) ownPicture(address string) string {
	name, ok := strings.CutPrefix(address, d.pictureURL(""))
	if !ok {
		return ""
	}
	return picturesPath + name
}

// picture sends a picture to whoever asks: its name is in tokens, and applications show it.
func (d *Door) picture(w http.ResponseWriter, r *http.Request) error {
	p, err := d.store.View(r.Context()).Picture(r.PathValue("name"))
	if errors.Is(err, storage.ErrNotFound) {
		return &web.Error{Status: http.StatusNotFound, Code: "not_found"}
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", p.MediaType)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", `"`+strings.SplitN(p.Name, ".", 2)[0]+`"`)
	http.ServeContent(w, r, "", moment(p.Created), bytes.NewReader(p.Data))
	return nil
}
