package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// The key file is text: one "NUMBER KEY" line a key (KEY is 32 bytes in base64url), the last line is the active one.

// LoadFile reads the key file. fs.ErrNotExist if there is none; an error for people if others may read it or it is damaged.
func LoadFile(path string) (*Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read the key file %s (mode %04o): set it right with chmod 600", path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	masters := map[byte][Size]byte{}
	var active byte
	for i, line := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		number, key, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("key file %s, line %d: %w", path, i+1, err)
		}
		if _, twice := masters[number]; twice {
			return nil, fmt.Errorf("key file %s, line %d: the number %d is there twice", path, i+1, number)
		}
		masters[number], active = key, number
	}
	if len(masters) == 0 {
		return nil, fmt.Errorf("key file %s is empty: put the key back from your backup; without it nobody's tokens and no sealed secret can be read", path)
	}
	return NewKeys(active, masters)
}

func parseLine(line string) (byte, [Size]byte, error) {
	number, text, _ := strings.Cut(line, " ")
	n, err := strconv.ParseUint(number, 10, 8)
	if err != nil || n == 0 {
		return 0, [Size]byte{}, errors.New(`expected "NUMBER KEY", NUMBER from 1 to 255`)
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != Size {
		return 0, [Size]byte{}, fmt.Errorf("expected a key of %d bytes in base64url", Size)
	}
	return byte(n), [Size]byte(key), nil
}

// CreateFile makes a key file with one fresh key, readable by its owner only and durable before it returns.
// An existing file is never touched (fs.ErrExist).
func CreateFile(path string) (*Keys, error) {
	key := [Size]byte(Random(Size))
	text := "1 " + base64.RawURLEncoding.EncodeToString(key[:]) + "\n"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make key file: %w", err), os.Remove(path))
	}
	return NewKeys(1, map[byte][Size]byte{1: key})
}

// LoadOrCreate loads the key file, or makes it when there is none and fresh says that nothing was sealed yet:
// a new key beside an old database would lock everything in it.
func LoadOrCreate(path string, fresh bool) (*Keys, error) {
	keys, err := LoadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if !fresh {
		return nil, fmt.Errorf("the key file %s is missing, but the database was made with one: put it back from your backup (GATELATCH_KEY_FILE or key_file says where it lies)", path)
	}
	return CreateFile(path)
}

func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // NTFS has no fsync of folders
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
