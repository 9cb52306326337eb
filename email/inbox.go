package email

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Keeper remembers messages that are not to leave. Storage is one; it must seal what it keeps.
type Keeper interface {
	Keep(ctx context.Context, m Message) error
}

// capture is the Sender of the development inbox.
type capture struct{ keeper Keeper }

// Capture returns the Sender of the development inbox: it hands every message to k, and none to the world. It refuses what
// the other senders would refuse, so that a mistake shows before there is a provider.
func Capture(k Keeper) Sender { return capture{keeper: k} }

// Send implements [Sender].
func (c capture) Send(ctx context.Context, m Message) error {
	m, err := m.ready("inbox")
	if err != nil {
		return err
	}
	if err := c.keeper.Keep(ctx, m); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("send mail by inbox: %w", ctx.Err())
		}
		return &Error{Provider: "inbox", Kind: Provider, Err: err, Answer: err.Error(),
			Reason: "The inbox could not keep the mail.", Next: "Look at the data folder: space left, and the right to write."}
	}
	return nil
}

// maxInbox bounds an Inbox; the oldest go first.
const maxInbox = 1000

// Inbox is a mailbox in memory, for tests of every room: a Sender whose mail can be read. It keeps the newest 1,000.
type Inbox struct {
	mu       sync.Mutex
	messages []Message
	taken    map[string]int // how many messages Wait and WaitFor have handed out
	arrived  chan struct{}  // closed and replaced at every message
	refuse   error
}

// NewInbox returns an empty Inbox.
func NewInbox() *Inbox {
	return &Inbox{taken: map[string]int{}, arrived: make(chan struct{})}
}

// Keep implements [Keeper].
func (i *Inbox) Keep(_ context.Context, m Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse != nil {
		return i.refuse
	}
	i.messages = append(i.messages, m)
	if over := len(i.messages) - maxInbox; over > 0 {
		for _, gone := range i.messages[:over] {
			for _, queue := range []string{gone.To, gone.To + " " + string(gone.Usage)} {
				if !gone.Usage.alongside() || queue != gone.To {
					i.taken[queue] = max(0, i.taken[queue]-1)
				}
			}
		}
		i.messages = slices.Clone(i.messages[over:])
	}
	close(i.arrived)
	i.arrived = make(chan struct{})
	return nil
}

// Send implements [Sender]. After Refuse it returns that error as it is.
func (i *Inbox) Send(ctx context.Context, m Message) error {
	i.mu.Lock()
	refuse := i.refuse
	i.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	return Capture(i).Send(ctx, m)
}

// Refuse makes Send fail with err, as a mail server that is down does; nil makes it work again.
func (i *Inbox) Refuse(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse = err
}

// Messages returns what is in the box, oldest first.
func (i *Inbox) Messages() []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.messages)
}

// alongside is mail that comes along with something else.
func (u Usage) alongside() bool { return u == AccountChange || u == Welcomes }

// Wait returns the oldest message to an address that Wait has not returned yet, waiting for it until ctx ends. It passes over notices
// of changes to an account and of new ones, which come along with something else: those are WaitFor's.
func (i *Inbox) Wait(ctx context.Context, to string) (Message, error) {
	return i.wait(ctx, to, to, func(m Message) bool { return m.To == to && !m.Usage.alongside() })
}

// WaitFor is Wait for messages of one usage.
func (i *Inbox) WaitFor(ctx context.Context, to string, usage Usage) (Message, error) {
	return i.wait(ctx, to, to+" "+string(usage), func(m Message) bool { return m.To == to && m.Usage == usage })
}

// wait hands out the messages that are meant, one after the other; queue is under which it counts them.
func (i *Inbox) wait(ctx context.Context, to, queue string, meant func(Message) bool) (Message, error) {
	for {
		m, ok, arrived := i.next(queue, meant)
		if ok {
			return m, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Message{}, errors.Join(fmt.Errorf("no mail came to %s", to), ctx.Err())
		}
	}
}

// next is Wait without waiting; the channel is closed at the next message.
func (i *Inbox) next(queue string, meant func(Message) bool) (Message, bool, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	seen := 0
	for _, m := range i.messages {
		if !meant(m) {
			continue
		}
		if seen == i.taken[queue] {
			i.taken[queue]++
			return m, true, nil
		}
		seen++
	}
	return Message{}, false, i.arrived
}
