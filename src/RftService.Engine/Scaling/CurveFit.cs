namespace RftService.Engine.Scaling;

/// <summary>
/// Least squares of a <see cref="ScalingCurve"/>. For given B and C_mid the curve is linear in A, so a grid over those two, free of
/// any scale, finds the basin, and Levenberg–Marquardt on (A, ln B, ln C_mid) within bounds finds its floor.
/// </summary>
internal sealed class CurveFit
{
    private const double MinExponent = 0.05;
    private const double MaxExponent = 12;
    private const int GridExponents = 40;
    private const int GridMidpoints = 100;
    private const int MaxIterations = 200;

    private readonly double[] _logCompute;
    private readonly double[] _gain;
    private readonly double _start;
    private readonly double[] _low;
    private readonly double[] _high;

    /// <param name="points">Three or more.</param>
    /// <param name="start">R₀.</param>
    /// <param name="asymptote">A, when it is not to be fitted.</param>
    public CurveFit(IReadOnlyList<ScalingPoint> points, double start, double? asymptote = null)
    {
        _logCompute = [.. points.Select(point => Math.Log(point.Compute))];
        _gain = [.. points.Select(point => point.Reward - start)];
        _start = start;
        // A below the start would be a run that unlearns, and 1 is the best reward there is.
        var (least, most) = asymptote is { } fixedAt ? (fixedAt - start, fixedAt - start) : (0, Math.Max(0, 1 - start));
        _low = [least, Math.Log(MinExponent), _logCompute.Min() - Math.Log(100)];
        _high = [most, Math.Log(MaxExponent), _logCompute.Max() + Math.Log(100)];
    }

    /// <summary>The best curve and its sum of squared residuals.</summary>
    public (ScalingCurve Curve, double Squares) Best()
    {
        var (best, least) = (_low, double.PositiveInfinity);
        for (var i = 0; i < GridExponents; i++)
        {
            for (var j = 0; j < GridMidpoints; j++)
            {
                double[] cell = [0, Between(1, i, GridExponents), Between(2, j, GridMidpoints)];
                cell[0] = BestGain(cell);
                if (Squares(cell) is var squares && squares < least)
                {
                    (best, least) = (cell, squares);
                }
            }
        }

        return Refine(best);
    }

    /// <summary>The best curve near another one: for data that differ little from what that one was fitted to.</summary>
    public (ScalingCurve Curve, double Squares) From(ScalingCurve near) =>
        Refine(Bounded([near.Asymptote - _start, Math.Log(near.Exponent), Math.Log(near.Midpoint)]));

    private double Between(int parameter, int index, int count) =>
        _low[parameter] + ((_high[parameter] - _low[parameter]) * index / (count - 1));

    private static double Share(double[] at, double logCompute) => 1 / (1 + Math.Exp(Math.Exp(at[1]) * (at[2] - logCompute)));

    private double BestGain(double[] at)
    {
        var (product, square) = (0.0, 0.0);
        for (var i = 0; i < _gain.Length; i++)
        {
            var share = Share(at, _logCompute[i]);
            product += share * _gain[i];
            square += share * share;
        }

        return Math.Clamp(square > 0 ? product / square : 0, _low[0], _high[0]);
    }

    private double Squares(double[] at)
    {
        var sum = 0.0;
        for (var i = 0; i < _gain.Length; i++)
        {
            var residual = (at[0] * Share(at, _logCompute[i])) - _gain[i];
            sum += residual * residual;
        }

        return sum;
    }

    private double[] Bounded(double[] at) => [.. at.Select((value, k) => Math.Clamp(value, _low[k], _high[k]))];

    private (ScalingCurve Curve, double Squares) Refine(double[] at)
    {
        var (squares, damping) = (Squares(at), 1e-3);
        for (var i = 0; i < MaxIterations && damping < 1e12; i++)
        {
            var (hessian, gradient) = Normal(at);
            var next = Bounded([.. at.Zip(Step(hessian, gradient, damping), (value, step) => value - step)]);
            var nextSquares = Squares(next);
            if (nextSquares < squares)
            {
                var gained = squares - nextSquares;
                (at, squares, damping) = (next, nextSquares, damping / 10);
                if (gained <= 1e-15 * squares)
                {
                    break;
                }
            }
            else
            {
                damping *= 10;
            }
        }

        return (new ScalingCurve(_start, _start + at[0], Math.Exp(at[1]), Math.Exp(at[2])), squares);
    }

    // JᵀJ and Jᵀr. A parameter at the bound that it is pushed against stays there, so that the others may still move.
    private (double[,] Hessian, double[] Gradient) Normal(double[] at)
    {
        var (hessian, gradient) = (new double[3, 3], new double[3]);
        for (var i = 0; i < _gain.Length; i++)
        {
            var share = Share(at, _logCompute[i]);
            var slope = at[0] * share * (1 - share) * Math.Exp(at[1]);
            double[] row = [share, slope * (_logCompute[i] - at[2]), -slope];
            var residual = (at[0] * share) - _gain[i];
            for (var j = 0; j < 3; j++)
            {
                gradient[j] += row[j] * residual;
                for (var k = 0; k < 3; k++)
                {
                    hessian[j, k] += row[j] * row[k];
                }
            }
        }

        for (var j = 0; j < 3; j++)
        {
            if ((at[j] <= _low[j] && gradient[j] >= 0) || (at[j] >= _high[j] && gradient[j] <= 0))
            {
                gradient[j] = 0;
                for (var k = 0; k < 3; k++)
                {
                    (hessian[j, k], hessian[k, j]) = (0, 0);
                }

                hessian[j, j] = 1;
            }
        }

        return (hessian, gradient);
    }

    // (H + damping · diag H)⁻¹ g by Cramer's rule.
    private static double[] Step(double[,] hessian, double[] gradient, double damping)
    {
        var h = (double[,])hessian.Clone();
        for (var k = 0; k < 3; k++)
        {
            h[k, k] += (damping * hessian[k, k]) + 1e-300;
        }

        var whole = Determinant(h);
        return whole == 0 ? [0, 0, 0] : [.. Enumerable.Range(0, 3).Select(column =>
        {
            var replaced = (double[,])h.Clone();
            for (var row = 0; row < 3; row++)
            {
                replaced[row, column] = gradient[row];
            }

            return Determinant(replaced) / whole;
        })];
    }

    private static double Determinant(double[,] m) =>
        (m[0, 0] * ((m[1, 1] * m[2, 2]) - (m[1, 2] * m[2, 1])))
        - (m[0, 1] * ((m[1, 0] * m[2, 2]) - (m[1, 2] * m[2, 0])))
        + (m[0, 2] * ((m[1, 0] * m[2, 1]) - (m[1, 1] * m[2, 0])));
}
