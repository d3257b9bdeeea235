/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of SOL_SOCKET, socket(7). Those that mean something to one family alone go on to it. */
#include "net/socket.h"

#include "sys/abi/errno.h"
#include "sys/abi/timespec.h"
#include "sys/cred.h"
#include "sys/lib/string.h"
#include "sys/pid.h"

#define OVERHEAD	2		/* what a user asks for is doubled: socket(7), SO_RCVBUF */
#define SNDBUF_MIN	4608
#define RCVBUF_MIN	2304

/* Options that are a bit, and do nothing but what the families read in it. */
#define SWITCHES	(BIT(SO_DEBUG) | BIT(SO_REUSEADDR) | BIT(SO_DONTROUTE) | BIT(SO_BROADCAST) | BIT(SO_KEEPALIVE) | \
	BIT(SO_OOBINLINE) | BIT(SO_REUSEPORT) | BIT(SO_PASSCRED))

static int
set_switch(struct socket *s, int name, int on)
{
	if (name == SO_DEBUG && on && !capable(CAP_NET_ADMIN))
		return -EACCES;
	if (on)
		atomic_fetch_or(&s->options, BIT(name));
	else
		atomic_fetch_and(&s->options, ~BIT(name));
	return 0;
}

static int
set_buffer(struct socket *s, u32 *field, int name, int val, int max, u32 least)
{
	u32 size = (u32)MIN((u32)val, (u32)max);

	size = MIN(size, (u32)INT32_MAX / OVERHEAD);
	WRITE_ONCE(*field, MAX(size * OVERHEAD, least));
	if (s->ops->set_bound != NULL)
		s->ops->set_bound(s, name);
	return 0;
}

static int
set_timeout(nsec_t *field, const void *val, u32 len)
{
	struct abi_timeval tv;
	nsec_t ns;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	/* Negative: at once; zero: never. */
	ns = tv.tv_sec < 0 ? 0 : tv.tv_sec == 0 && tv.tv_usec == 0 ? NSEC_MAX : timeval_to_ns(&tv);
	WRITE_ONCE(*field, ns);
	return 0;
}

int
socket_set_option(struct socket *s, int level, int name, const void *val, u32 len)
{
	int v;

	if (level != SOL_SOCKET)
		return s->ops->set_option != NULL ? s->ops->set_option(s, level, name, val, len) : -EOPNOTSUPP;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_DONTROUTE:
	case SO_BROADCAST:
	case SO_KEEPALIVE:
	case SO_OOBINLINE:
	case SO_REUSEPORT:
	case SO_PASSCRED:
		return set_switch(s, name, v);
	case SO_SNDBUF:
		return set_buffer(s, &s->sndbuf, name, v, READ_ONCE(net_wmem_max), SNDBUF_MIN);
	case SO_RCVBUF:
		return set_buffer(s, &s->rcvbuf, name, v, READ_ONCE(net_rmem_max), RCVBUF_MIN);
	case SO_SNDBUFFORCE:
		return !capable(CAP_NET_ADMIN) ? -EPERM : set_buffer(s, &s->sndbuf, SO_SNDBUF, MAX(v, 0), INT32_MAX, SNDBUF_MIN);
	case SO_RCVBUFFORCE:
		return !capable(CAP_NET_ADMIN) ? -EPERM : set_buffer(s, &s->rcvbuf, SO_RCVBUF, MAX(v, 0), INT32_MAX, RCVBUF_MIN);
	case SO_RCVLOWAT:
		WRITE_ONCE(s->rcvlowat, v < 0 ? INT32_MAX : v == 0 ? 1 : (u32)v);
		return 0;
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&s->rcvtimeo, val, len);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&s->sndtimeo, val, len);
	case SO_LINGER:
		if (len < sizeof(s->linger))
			return -EINVAL;
		memcpy(&s->linger, val, sizeof(s->linger));
		return 0;
	case SO_PRIORITY:
		if ((v < 0 || v > 6) && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		WRITE_ONCE(s->priority, (u32)v);
		return 0;
	case SO_MARK:
		if (!capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		WRITE_ONCE(s->mark, (u32)v);
		return 0;
	case SO_PEEK_OFF:
		if (s->family != AF_UNIX)
			return -EOPNOTSUPP;
		if (v < -1)
			return -EINVAL;
		WRITE_ONCE(s->peek_off, v);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int
get_peer_cred(struct socket *s, bool groups, void *val, u32 *len)
{
	struct abi_ucred u = { 0, UINT32_MAX, UINT32_MAX };
	const struct cred *c = NULL;
	struct pid *pid = NULL;
	u32 room = *len, n;
	int err = 0;

	if (s->ops->peer_cred != NULL)
		s->ops->peer_cred(s, &pid, &c);
	if (groups) {
		n = c != NULL && c->groups != NULL ? c->groups->count : 0;
		*len = n * sizeof(u32);
		if (c == NULL)
			err = -ENODATA;
		else if (room < *len)
			err = -ERANGE;
		for (u32 i = 0; err == 0 && i < n; i++)
			memcpy((u8 *)val + i * sizeof(u32), &c->groups->gid[i].val, sizeof(u32));
	} else {
		if (c != NULL)
			u = (struct abi_ucred){ pid_nr(pid), c->euid.val, c->egid.val };
		*len = MIN(room, (u32)sizeof(u));
		memcpy(val, &u, *len);
	}
	pid_put(pid);
	if (c != NULL)
		cred_put(c);
	return err;
}

static int
get_timeout(const nsec_t *field, void *val, u32 *len)
{
	nsec_t ns = READ_ONCE(*field);
	struct abi_timeval tv = { 0, 0 };

	if (ns != NSEC_MAX)
		tv = timeval_from_ns(ns);
	*len = MIN(*len, (u32)sizeof(tv));
	memcpy(val, &tv, *len);
	return 0;
}

/* An option that is an int. */
static int
get_int(struct socket *s, int name, int *v)
{
	if (name >= 0 && name < 32 && (SWITCHES & BIT(name))) {
		*v = socket_option(s, name);
		return 0;
	}
	switch (name) {
	case SO_TYPE:
		*v = s->type;
		break;
	case SO_DOMAIN:
		*v = s->family;
		break;
	case SO_PROTOCOL:
		*v = s->protocol;
		break;
	case SO_ERROR:
		*v = -socket_take_error(s);
		break;
	case SO_SNDBUF:
		*v = (int)READ_ONCE(s->sndbuf);
		break;
	case SO_RCVBUF:
		*v = (int)READ_ONCE(s->rcvbuf);
		break;
	case SO_RCVLOWAT:
		*v = (int)READ_ONCE(s->rcvlowat);
		break;
	case SO_SNDLOWAT:
		*v = 1;
		break;
	case SO_ACCEPTCONN:
		*v = READ_ONCE(s->accepting);
		break;
	case SO_PRIORITY:
		*v = (int)READ_ONCE(s->priority);
		break;
	case SO_MARK:
		*v = (int)READ_ONCE(s->mark);
		break;
	case SO_PEEK_OFF:
		if (s->family != AF_UNIX)
			return -EOPNOTSUPP;
		*v = READ_ONCE(s->peek_off);
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

int
socket_get_option(struct socket *s, int level, int name, void *val, u32 *len)
{
	struct socket_addr peer;
	int v, err;

	if (level != SOL_SOCKET)
		return s->ops->get_option != NULL ? s->ops->get_option(s, level, name, val, len) : -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED:
	case SO_PEERGROUPS:
		return get_peer_cred(s, name == SO_PEERGROUPS, val, len);
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return get_timeout(&s->rcvtimeo, val, len);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return get_timeout(&s->sndtimeo, val, len);
	case SO_LINGER:
		*len = MIN(*len, (u32)sizeof(s->linger));
		memcpy(val, &s->linger, *len);
		return 0;
	case SO_PEERNAME:
		err = s->ops->getname(s, true, &peer);
		if (err != 0)
			return -ENOTCONN;
		if (peer.len < *len)
			return -EINVAL;
		memcpy(val, peer.raw, *len);
		return 0;
	default:
		err = get_int(s, name, &v);
		if (err != 0)
			return err;
		*len = MIN(*len, (u32)sizeof(v));
		memcpy(val, &v, *len);
		return 0;
	}
}
