# Does a cost grow faster than its cause? Reads "cause memory cpu time" lines.
# flat=1: no cost may grow at all; else none faster than the cause does.
# tolerance: so many times as much is still right. least_memory, least_cpu: what
# is too little to be measured. Status 1 if a cost grows too fast.

{ cause[NR] = $1; cost["memory", NR] = $2; cost["CPU", NR] = $3; cost["time", NR] = $4 }

# What one more of the cause costs between two lines.
function marginal(name, i)
{
	return (cost[name, i] - cost[name, i - 1]) / (cause[i] - cause[i - 1])
}

function judge(name, least,    i, low, high, worst)
{
	low = high = cost[name, 1]
	worst = 1
	for (i = 2; i <= NR; i++) {
		if (cost[name, i] > high)
			high = cost[name, i]
		if (cost[name, i] - low >= least && cost[name, i] > worst * low)
			worst = cost[name, i] / (low > least ? low : least)
		if (cost[name, i] < low)
			low = cost[name, i]
	}
	if (flat || high - cost[name, 1] < least) {
		printf "   %-7s %s\n", name, worst <= tolerance ? "does not grow" : \
			sprintf("GROWS to %.2g times", worst)
		bad += worst > tolerance
		return
	}
	if (NR < 3)
		return
	# The last step against the average of all before it.
	worst = marginal(name, NR)
	low = (cost[name, NR - 1] - cost[name, 1]) / (cause[NR - 1] - cause[1])
	if ((cost[name, NR - 1] - cost[name, 1]) < least)
		low = least / (cause[NR - 1] - cause[1])
	printf "   %-7s %.3g for each at the end, %.3g before: %s\n", name, \
		worst, low, worst <= tolerance * low ? "no faster than its cause" : "GROWS FASTER"
	bad += worst > tolerance * low
}

END {
	if (NR < 2)
		exit 1
	judge("memory", least_memory)
	judge("CPU", least_cpu)
	if (!flat)
		judge("time", least_cpu)
	exit bad > 0
}
