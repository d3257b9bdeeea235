# SPDX-License-Identifier: BSD-2-Clause
# From apt's own .list and .sources files to plain "TYPE [options] URI SUITE COMPONENT..." lines on standard
# output, of the distribution's own archives only (a URI whose path ends in debian*, or ubuntu*).
# Usage: awk -v type=deb-src -f sources.awk FILE...

function emit(uri, suite, comps, signed) {
	if (uri !~ /\/(debian|ubuntu)[a-z-]*\/?$/ || suite ~ /\/$/)
		return
	if ((uri, suite) in seen)
		return
	seen[uri, suite] = 1
	printf "%s%s %s %s %s\n", type, signed == "" ? "" : " [signed-by=" signed "]", uri, suite, comps
}

function end_paragraph(    i, j, nu, ns, u, s) {
	if (f["types"] != "" && f["enabled"] !~ /^(no|false|0|off)$/ && f["types"] ~ /(^| )deb(-src)?( |$)/) {
		if (f["signed-by"] ~ /BEGIN PGP/)
			f["signed-by"] = ""
		nu = split(f["uris"], u, " ")
		ns = split(f["suites"], s, " ")
		for (i = 1; i <= nu; i++)
			for (j = 1; j <= ns; j++)
				emit(u[i], s[j], f["components"], f["signed-by"])
	}
	delete f
	field = ""
}

FNR == 1 { end_paragraph(); deb822 = FILENAME ~ /\.sources$/ }
/^[ \t]*#/ { next }

deb822 && /^[ \t]*$/ { end_paragraph(); next }
deb822 && /^[ \t]/ { sub(/^[ \t]+/, ""); if (field != "") f[field] = f[field] " " $0; next }
deb822 {
	colon = index($0, ":")
	field = tolower(substr($0, 1, colon - 1))
	value = substr($0, colon + 1)
	gsub(/^[ \t]+|[ \t\r]+$/, "", value)
	f[field] = field == "enabled" ? tolower(value) : value
	next
}

!deb822 && $1 ~ /^deb(-src)?$/ {
	sub(/#.*/, "")
	signed = ""
	if (match($0, /\[[^]]*\]/)) {
		opts = substr($0, RSTART + 1, RLENGTH - 2)
		$0 = substr($0, 1, RSTART - 1) " " substr($0, RSTART + RLENGTH)
		n = split(opts, o, " ")
		for (i = 1; i <= n; i++)
			if (o[i] ~ /^signed-by=/)
				signed = substr(o[i], 11)
	}
	comps = ""
	for (i = 4; i <= NF; i++)
		comps = comps (comps == "" ? "" : " ") $i
	emit($2, $3, comps, signed)
}

END { end_paragraph() }
