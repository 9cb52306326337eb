package email

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"sync"

	"github.com/wneessen/go-mail/log"
)

// dialogue writes down what this server and a mail server say to each other, for the administrator who tests the
// settings. go-mail hides user and password; the message itself is not part of it.
type dialogue struct {
	mu    sync.Mutex
	lines []string
}

// maxDialogue bounds what a talkative server can make us keep.
const maxDialogue = 200

// Debugf notes one line.
func (d *dialogue) Debugf(l log.Log) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.lines) >= maxDialogue {
		return
	}
	arrow := "< "
	if l.Direction == log.DirClientToServer {
		arrow = "> "
	}
	for line := range strings.Lines(fmt.Sprintf(l.Format, l.Messages...)) {
		d.lines = append(d.lines, arrow+strings.TrimRight(line, "\r\n"))
	}
}

// Infof notes one line.
func (d *dialogue) Infof(l log.Log) { d.Debugf(l) }

// Warnf notes one line.
func (d *dialogue) Warnf(l log.Log) { d.Debugf(l) }

// Errorf notes one line.
func (d *dialogue) Errorf(l log.Log) { d.Debugf(l) }

// refused notes the answer that ended the conversation, which go-mail keeps to itself. A nil dialogue notes nothing.
func (d *dialogue) refused(err error) {
	var reply *textproto.Error
	if d != nil && errors.As(err, &reply) {
		d.Debugf(log.Log{Direction: log.DirServerToClient, Format: "%d %s", Messages: []any{reply.Code, reply.Msg}})
	}
}

// said is what was noted so far.
func (d *dialogue) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}
