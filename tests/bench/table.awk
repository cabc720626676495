# A line of tests/bench/run.sh's table. Input: a round a line, of each receiver
# wall, user and system seconds and peak kB. Set: mode, bytes, size (kB).
function median(a, n,    i, j, t) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
			t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
		}
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
{
	ours[NR] = $1; theirs[NR] = $5; ratio[NR] = $5 / ($1 > 0 ? $1 : 0.01)
	cpu[NR] = $2 + $3
	if ($4 > peak) peak = $4
}
END {
	wall = median(ours, NR)
	middle = median(ratio, NR)
	printf "%-9s %7.2f s %7.2f s %8.0f %5.2f (%.1f-%.1f) %7.2f %7.0f %6.1f\n",
		mode, wall, median(theirs, NR), bytes / 1048576 / wall,
		middle, ratio[1], ratio[NR], median(cpu, NR), peak / 1024,
		bytes / 1024 / size
}
